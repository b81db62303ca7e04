# SPDX-License-Identifier: LGPL-2.1-or-later
"""The time, which tests can set."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)
