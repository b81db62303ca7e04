# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree of nodes: permissions, changes, storage and queries."""
