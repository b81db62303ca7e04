# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who changed what, for those who must know later."""
