# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every service of the KernelCI backend shares, and nothing of any one of them."""
