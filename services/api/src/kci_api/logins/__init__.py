# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logging in and out, and what people do about their passwords."""
