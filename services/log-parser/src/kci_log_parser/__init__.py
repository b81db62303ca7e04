# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds kernel faults in the logs of nodes that are done."""
