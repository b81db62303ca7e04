# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small values that clients keep, and share with one another."""
