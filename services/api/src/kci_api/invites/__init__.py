# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inviting people: an administrator gets a link, and hands it on."""
