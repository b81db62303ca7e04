# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test results that programs print: KTAP, TAP, LTP, LAVA's signals, JUnit; pure."""
