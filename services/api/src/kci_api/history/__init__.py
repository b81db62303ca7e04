# SPDX-License-Identifier: LGPL-2.1-or-later
"""Past events, which any client may read."""
