# SPDX-License-Identifier: LGPL-2.1-or-later
"""A key-value store that clients share."""
