# SPDX-License-Identifier: LGPL-2.1-or-later
"""KernelCI's API: one tree of nodes, and the events that tell of it."""
