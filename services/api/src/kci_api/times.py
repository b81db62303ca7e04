# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times in UTC, in the precision of the database: milliseconds."""

import re
from datetime import UTC, datetime

from kci_shared.errors import BadRequest

OFFSET = re.compile(r"\d\d:?\d\d")


def now() -> datetime:
    """Return the current time."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(time: datetime) -> datetime:
    """Return a time in UTC and in milliseconds; a naive one is taken as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    try:
        utc = aware.astimezone(UTC)
    except OverflowError as error:
        raise BadRequest(f"out of range in UTC: {time.isoformat()}") from error
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def stamp(time: datetime) -> str:
    """Format a time for clients: ISO 8601 with milliseconds and offset."""
    return time.isoformat(timespec="milliseconds")


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 time of a query, whose `+` may have been decoded as a space."""
    day_and_time, _, rest = text.rpartition(" ")
    whole = ":" in day_and_time and OFFSET.fullmatch(rest)
    try:
        time = datetime.fromisoformat(f"{day_and_time}+{rest}" if whole else text)
    except ValueError as error:
        raise BadRequest(f"Invalid isoformat string: {text!r}") from error
    return to_milliseconds(time)
