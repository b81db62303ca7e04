# SPDX-License-Identifier: LGPL-2.1-or-later
"""Places in a channel that clients keep here, and listen from."""
