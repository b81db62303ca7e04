# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mails reports to the people who can act on them."""
