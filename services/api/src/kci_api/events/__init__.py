# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events of nodes: from the write of a node to every listener."""
