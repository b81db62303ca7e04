# SPDX-License-Identifier: LGPL-2.1-or-later
"""Notes on each job how its tests ended."""
