# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another server that speaks the REST contract."""
