# SPDX-License-Identifier: LGPL-2.1-or-later
"""Log in, log out, change and reset passwords."""
