# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tokens of services, which administrators issue and revoke."""
