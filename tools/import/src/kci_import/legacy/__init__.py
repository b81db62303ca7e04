# SPDX-License-Identifier: LGPL-2.1-or-later
"""The legacy database: its dumps, its words, and its tree."""
