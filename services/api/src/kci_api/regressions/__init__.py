# SPDX-License-Identifier: LGPL-2.1-or-later
"""The status that people give to regressions."""
