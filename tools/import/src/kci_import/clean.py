# SPDX-License-Identifier: LGPL-2.1-or-later
"""From what a database can hold to what JSON and our API can, without secrets."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bson import DatetimeMS, Decimal128, ObjectId

DEEPEST = 30
LARGEST_INT = 2**63 - 1
SURROGATE = re.compile("[\ud800-\udfff]")
SECRET = re.compile(
    r"(?:^|[_.-])(?:token|passw(?:or)?d|passphrase|secret|credentials?|cookie"
    r"|authorization|(?:api|private|access)[_-]?key)$",
    re.IGNORECASE,
)
"""A key whose value nobody else should know."""
LOGIN = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+@")
"""Name and password in a URL."""

Tell = Callable[[str, str], None]
"""Called with a field and what is the matter with it."""


def clean(value: Any, tell: Tell, place: str = "", depth: int = 0) -> Any:
    """Return a value that JSON can say; tell what had to be changed for that."""
    match value:
        case dict() if depth < DEEPEST:
            return _clean_map(value, tell, place, depth)
        case list() | tuple() if depth < DEEPEST:
            inner = enumerate(value)
            return [clean(v, tell, f"{place}.{n}", depth + 1) for n, v in inner]
        case dict() | list() | tuple():
            tell(place, f"left out: nested more than {DEEPEST} levels deep")
            return None
        case str():
            return _clean_text(value, tell, place)
        case bytes():
            tell(place, f"left out: {len(value)} bytes that are no text")
            return None
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return aware.astimezone(UTC).isoformat(timespec="milliseconds")
        case _:
            return _clean_scalar(value, tell, place)


def _clean_map(
    value: dict[Any, Any], tell: Tell, place: str, depth: int
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        name = _clean_key(str(key))
        where = f"{place}.{name}" if place else name
        if SECRET.search(name) and isinstance(inner, str | bytes | ObjectId):
            tell(where, "left out: a secret")
            continue
        if name != key:
            tell(where, f"was called {key!a}")
        kept[name] = clean(inner, tell, where, depth + 1)
    return kept


def _clean_key(key: str) -> str:
    plain = SURROGATE.sub("\ufffd", key).replace("\0", "")
    return "_" + plain[1:] if plain.startswith("$") else plain


def _clean_text(value: str, tell: Tell, place: str) -> str:
    if LOGIN.search(value):
        tell(place, "name and password of a URL left out")
        value = LOGIN.sub("", value)
    if SURROGATE.search(value):
        tell(place, "characters replaced that are none")
        value = SURROGATE.sub("\ufffd", value)
    return value


def _clean_scalar(value: Any, tell: Tell, place: str) -> Any:
    match value:
        case None | bool():
            return value
        case int() if abs(value) <= LARGEST_INT:
            return int(value)
        case float() if math.isfinite(value):
            return value
        case float():
            tell(place, f"left out: {value} is no number")
            return None
        case Decimal128():
            return clean(float(value.to_decimal()), tell, place)
        case ObjectId():
            return str(value)
        case DatetimeMS():
            tell(place, "a time that no calendar has, kept as milliseconds")
            return int(value)
        case _:
            pass
    tell(place, f"a {type(value).__name__}, kept as text")
    return str(value)
