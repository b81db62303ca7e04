# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plans the jobs that follow from a node, and ends what is overdue."""
