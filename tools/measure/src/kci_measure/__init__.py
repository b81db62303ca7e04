# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the code of this project against its limits: ``make measure``."""
