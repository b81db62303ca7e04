# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills two replicas of a bridge while jobs run, and looks whether each ran once."""
