# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes of another system, imported with their ids, times and owners."""
