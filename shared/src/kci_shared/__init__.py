# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all services of the KernelCI backend share, and nothing specific to one."""
