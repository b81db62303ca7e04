# SPDX-License-Identifier: LGPL-2.1-or-later
"""Invitations: an administrator gets a link, and passes it on."""
