# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts of people, and the token files of services."""
