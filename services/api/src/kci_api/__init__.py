# SPDX-License-Identifier: LGPL-2.1-or-later
"""KernelCI's API: the tree of nodes, and the events of its changes."""
