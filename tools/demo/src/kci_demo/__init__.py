# SPDX-License-Identifier: LGPL-2.1-or-later
"""A demo: one real kernel goes through the whole system, in three revisions."""
