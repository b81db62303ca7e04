# SPDX-License-Identifier: LGPL-2.1-or-later
"""Import of a legacy database dump."""
