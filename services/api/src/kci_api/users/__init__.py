# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who calls: people who log in, and services that carry a token."""
