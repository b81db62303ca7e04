# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients tell one another over channels of their own."""
