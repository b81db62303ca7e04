# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims: which bridge runs which node; leases, fencing tokens, outcomes."""
