# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills whatever it can while many write, and looks whether anything was lost."""
