# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists of messages of which each goes to one client."""
