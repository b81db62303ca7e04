# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree of nodes: who may change what, how it is kept, found and told."""
