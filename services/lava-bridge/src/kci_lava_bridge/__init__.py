# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs jobs on the devices of a LAVA lab."""
