# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes that another system made, brought here as they are."""
