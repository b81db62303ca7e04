# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who runs which node: claims, leases, fencing tokens, outcomes."""
