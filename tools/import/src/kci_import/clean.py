# SPDX-License-Identifier: LGPL-2.1-or-later
"""Converts database values to JSON that the API accepts, and removes secrets."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from bson import DatetimeMS, Decimal128, ObjectId

from kci_import.problems import Note

MAX_DEPTH = 30
LARGEST_INT = 2**63 - 1
SURROGATE = re.compile("[\ud800-\udfff]")
SECRET = re.compile(
    r"(?:^|[_.-])(?:token|passw(?:or)?d|passphrase|secret|credentials?|cookie"
    r"|authorization|(?:api|private|access)[_-]?key)$",
    re.IGNORECASE,
)
"""Keys whose values are secrets."""
LOGIN = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+@")
"""User name and password in a URL."""


def clean(value: Any, note: Note, place: str = "", depth: int = 0) -> Any:
    """Return a value as JSON can hold it; note what had to be changed."""
    match value:
        case dict() if depth < MAX_DEPTH:
            return _clean_map(value, note, place, depth)
        case list() | tuple() if depth < MAX_DEPTH:
            inner = enumerate(value)
            return [clean(v, note, f"{place}.{n}", depth + 1) for n, v in inner]
        case dict() | list() | tuple():
            note(place, f"left out: nested more than {MAX_DEPTH} levels deep")
            return None
        case str():
            return _clean_text(value, note, place)
        case bytes():
            note(place, f"left out: {len(value)} bytes of binary data")
            return None
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return aware.astimezone(UTC).isoformat(timespec="milliseconds")
        case _:
            return _clean_scalar(value, note, place)


def _clean_map(
    value: dict[Any, Any], note: Note, place: str, depth: int
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        name = _clean_key(str(key))
        where = f"{place}.{name}" if place else name
        if SECRET.search(name) and isinstance(inner, str | bytes | ObjectId):
            note(where, "left out: a secret")
            continue
        if name != key:
            note(where, f"renamed from {key!a}")
        kept[name] = clean(inner, note, where, depth + 1)
    return kept


def _clean_key(key: str) -> str:
    plain = SURROGATE.sub("\ufffd", key).replace("\0", "")
    return "_" + plain[1:] if plain.startswith("$") else plain


def _clean_text(value: str, note: Note, place: str) -> str:
    if LOGIN.search(value):
        note(place, "left out: user name and password in a URL")
        value = LOGIN.sub("", value)
    if SURROGATE.search(value):
        note(place, "invalid characters replaced")
        value = SURROGATE.sub("\ufffd", value)
    return value


def _clean_scalar(value: Any, note: Note, place: str) -> Any:
    match value:
        case None | bool():
            return value
        case int() if abs(value) <= LARGEST_INT:
            return int(value)
        case float() if math.isfinite(value):
            return value
        case float():
            note(place, f"left out: {value} is not a number in JSON")
            return None
        case Decimal128():
            return clean(float(value.to_decimal()), note, place)
        case ObjectId():
            return str(value)
        case DatetimeMS():
            note(place, "time outside the calendar, kept as milliseconds")
            return int(value)
        case _:
            note(place, f"{type(value).__name__} kept as text")
            return str(value)
