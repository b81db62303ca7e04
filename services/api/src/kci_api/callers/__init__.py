# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who sent a request: tokens, passwords, and what a caller may do."""
