# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happened to the nodes, from the write that made it happen to every listener."""
