# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues of messages: each message goes to one client."""
