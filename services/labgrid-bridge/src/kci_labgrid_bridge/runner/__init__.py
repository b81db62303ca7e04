# SPDX-License-Identifier: LGPL-2.1-or-later
"""One job in a process of its own: pytest with labgrid, told all by `LG_*` variables.

labgrid blocks, keeps its state in globals and does not stop at a word; a process can be
stopped. It imports nothing else of ours: it starts with every job, and that takes time.
"""
