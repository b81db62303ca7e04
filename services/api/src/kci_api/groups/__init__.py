# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups: their members may edit the nodes that name them, or all of a runtime's."""
