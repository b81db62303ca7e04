# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one job in its own process: pytest with labgrid, set up by `LG_*` variables.

labgrid blocks, keeps its state in globals and cannot be interrupted; a process can. The
runner imports nothing else of ours, as it starts for every job and imports take time.
"""
