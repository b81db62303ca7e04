# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is known of a runtime, and what follows from its silence."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field

from kci_shared.models import RuntimeReport

OFFLINE_AFTER = timedelta(minutes=3)
"""After this time without a word a runtime is taken to be away."""

RuntimeName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$", examples=["lab-x"])
]


class Outcomes(BaseModel):
    """What became of the jobs that a runtime got on a platform."""

    platform: str | None
    waiting: int = 0
    running: int = 0
    passed: int = 0
    failed: int = 0
    incomplete: int = 0
    skipped: int = 0
    infrastructure: int = 0
    """Of the incomplete ones: those that the lab is to blame for."""


class RuntimeRead(RuntimeReport):
    """A runtime, whether it is there, and what it did."""

    name: str
    online: bool
    seen: str
    jobs: list[Outcomes]


def is_online(said: RuntimeReport, seen: datetime, now: datetime) -> bool:
    """Say whether jobs can be expected to run."""
    return said.healthy and now - seen < OFFLINE_AFTER


COUNTED = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def outcomes(rows: list[dict[str, Any]]) -> dict[str, list[Outcomes]]:
    """Sum what the database counted, by runtime and platform."""
    found: dict[tuple[str, str | None], Outcomes] = {}
    for row in rows:
        key, many = row["_id"], row["many"]
        place = (key["runtime"], key.get("platform"))
        sums = found.setdefault(place, Outcomes(platform=place[1]))
        name = _name(key)
        setattr(sums, name, getattr(sums, name) + many)
        if name == "incomplete" and key.get("error_code") == "Infrastructure":
            sums.infrastructure += many
    by_runtime: dict[str, list[Outcomes]] = {}
    for (runtime, _), sums in sorted(found.items(), key=lambda one: str(one[0])):
        by_runtime.setdefault(runtime, []).append(sums)
    return by_runtime


def _name(key: dict[str, Any]) -> str:
    if key["state"] != "done":
        return "running" if key.get("held") else "waiting"
    return COUNTED.get(key.get("result") or "", "incomplete")
