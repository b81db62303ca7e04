# SPDX-License-Identifier: LGPL-2.1-or-later
"""Submits test results to KCIDB."""
