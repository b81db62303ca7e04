# SPDX-License-Identifier: LGPL-2.1-or-later
"""Import from another server with the same REST API."""
