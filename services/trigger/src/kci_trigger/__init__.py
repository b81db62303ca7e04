# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches git trees, and checks out new commits."""
