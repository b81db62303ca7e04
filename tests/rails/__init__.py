# SPDX-License-Identifier: LGPL-2.1-or-later
"""The checks themselves, on a copy of the project that is broken on purpose."""
