# SPDX-License-Identifier: LGPL-2.1-or-later
"""Brings the nodes of a legacy database, or of another server, to the API."""
