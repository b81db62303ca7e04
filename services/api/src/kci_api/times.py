# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times as the API keeps, reads and writes them: UTC, in milliseconds."""

import re
from datetime import UTC, datetime

from kci_shared.errors import BadRequest

OFFSET = re.compile(r"\d\d:?\d\d")


def now() -> datetime:
    """Return the time, as the database can keep it."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(time: datetime) -> datetime:
    """Return a time in UTC, cut to what the database keeps; naive means UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    try:
        utc = aware.astimezone(UTC)
    except OverflowError as error:
        raise BadRequest(f"no such time in UTC: {time.isoformat()}") from error
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def stamp(time: datetime) -> str:
    """Write a time as the API's clients know it."""
    return time.isoformat(timespec="milliseconds")


def parse_time(text: str) -> datetime:
    """Read an ISO time out of a query, in which a `+` may have become a space."""
    day_and_time, _, rest = text.rpartition(" ")
    whole = ":" in day_and_time and OFFSET.fullmatch(rest)
    try:
        time = datetime.fromisoformat(f"{day_and_time}+{rest}" if whole else text)
    except ValueError as error:
        raise BadRequest(f"Invalid isoformat string: {text!r}") from error
    return to_milliseconds(time)
