# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscriptions: clients listen to a channel from a position that the API keeps."""
