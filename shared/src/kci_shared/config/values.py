# SPDX-License-Identifier: LGPL-2.1-or-later
"""How single values of the configuration are written: names, lists, times."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"([0-9]+)([smhd])", value)
    if found is None:
        raise ValueError("write a time as 90s, 10m, 2h or 1d")
    return int(found[1]) * UNITS[found[2]]


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=100)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[list[Word], BeforeValidator(_listed)]
"""One word or several."""
Names = Annotated[list[Name], BeforeValidator(_listed), Field(min_length=1)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86400)]
"""A time in seconds, or with its unit: `10m`."""
