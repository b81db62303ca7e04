# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads LAVA's results of a job, as cases; pure, and safe for hostile input."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kci_lava_bridge.safe_yaml import read_yaml
from kci_shared.models import Result

NOTHING = {None, "", "None"}
OWN_SUITE = "lava"
"""The suite of LAVA's own actions, which are not tests."""
RESULTS = {"pass": Result.PASS, "fail": Result.FAIL, "skip": Result.SKIP}

_INDEX = re.compile(r"^\d+_")


@dataclass(frozen=True)
class Case:
    """One case of a suite."""

    id: int
    suite: str
    name: str
    result: Result
    set: str | None = None
    measurement: float | None = None
    unit: str | None = None
    start: int | None = None
    """The first and the last line in LAVA's log, counted from 1."""
    end: int | None = None
    error_type: str | None = None
    error_msg: str | None = None
    reference: str | None = None

    @property
    def suite_name(self) -> str:
        """The suite's name without its number; monitors have none."""
        return _INDEX.sub("", self.suite)


def read_cases(texts: Iterable[str | bytes]) -> list[Case]:
    """Read lists of results, in order of execution."""
    lists = (read_yaml(text) for text in texts)
    entries = (entry for each in lists if isinstance(each, list) for entry in each)
    cases = (case for entry in entries if (case := _case(entry)))
    return sorted(cases, key=lambda case: case.id)


def _case(entry: Any) -> Case | None:
    name = _text(entry.get("name")) if isinstance(entry, dict) else None
    if name is None:
        return None
    value = entry.get("metadata")
    metadata: dict[str, Any] = value if isinstance(value, dict) else {}
    return Case(
        id=_whole(entry.get("id")) or 0,
        suite=_text(entry.get("suite")) or _text(metadata.get("definition")) or "",
        name=name,
        result=RESULTS.get(_text(entry.get("result")) or "", Result.INCOMPLETE),
        set=_text(metadata.get("set")),
        measurement=_number(entry.get("measurement")),
        unit=_text(entry.get("unit")),
        start=_whole(entry.get("log_start_line")),
        end=_whole(entry.get("log_end_line")),
        error_type=_text(metadata.get("error_type")),
        error_msg=_text(metadata.get("error_msg")),
        reference=_text(metadata.get("reference")),
    )


def _text(value: Any) -> str | None:
    """Return a scalar as text; nested values could be huge."""
    if not isinstance(value, str | int | float):
        return None
    try:
        text = str(value)
    except ValueError:  # a number of some thousand digits
        return None
    return None if text in NOTHING else text


def _whole(value: Any) -> int | None:
    text = _text(value) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _number(value: Any) -> float | None:
    try:
        number = float(_text(value) or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
