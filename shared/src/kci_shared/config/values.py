# SPDX-License-Identifier: LGPL-2.1-or-later
"""Types of single values: names, lists, times."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"([0-9]{1,9}[smhd])+", value):
        raise ValueError("write a time as 90s, 10m, 2h or 1d12h")
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(.)", value))


def _branch(value: str) -> str:
    if ".." in value or "//" in value or "@{" in value or value.endswith(("/", ".")):
        raise ValueError("not a valid branch name for git")
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=200)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[list[Word], BeforeValidator(_listed)]
"""One word or several."""
Names = Annotated[list[Name], BeforeValidator(_listed), Field(min_length=1)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86400)]
"""A time in seconds, or with its unit: `10m`."""
Period = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=366 * 86400)]
"""A time of up to a year."""
BranchName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+/@#-]*$", max_length=200),
    AfterValidator(_branch),
]
"""A branch name for git that no program takes for an option."""
