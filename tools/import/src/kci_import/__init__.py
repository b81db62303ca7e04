# SPDX-License-Identifier: LGPL-2.1-or-later
"""Imports the nodes of a legacy database, or of another server, through the API."""
