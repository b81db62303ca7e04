# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people say of a regression."""
