# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a runtime counts as online, and its jobs by outcome."""

from datetime import datetime, timedelta
from typing import Annotated, Any, assert_never

from pydantic import BaseModel, Field

from kci_shared.models import ErrorCode, Kind, Result, RuntimeReport, State

OFFLINE_AFTER = timedelta(minutes=3)
"""After this time without a report a runtime counts as offline."""

RuntimeName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$", examples=["lab-x"])
]


class Outcomes(BaseModel):
    """How many jobs of a runtime, on one platform, are in which state."""

    platform: str | None
    waiting: int = 0
    running: int = 0
    passed: int = 0
    failed: int = 0
    incomplete: int = 0
    skipped: int = 0
    infrastructure: int = 0
    """Of the incomplete ones: those that failed because of the lab."""


class RuntimeRead(RuntimeReport):
    """A runtime, whether it is online, and its jobs."""

    name: str
    online: bool
    seen: str
    jobs: list[Outcomes]


def is_online(report: RuntimeReport, seen: datetime, now: datetime) -> bool:
    """Return whether the runtime can be expected to run jobs."""
    return report.healthy and now - seen < OFFLINE_AFTER


def is_job(kind: Kind) -> bool:
    """Return whether nodes of a kind count as jobs of their runtime."""
    match kind:
        case Kind.KBUILD | Kind.JOB | Kind.PROCESS:
            return True
        case Kind.CHECKOUT | Kind.TEST | Kind.REGRESSION:
            return False
        case _:
            assert_never(kind)


def outcomes(rows: list[dict[str, Any]]) -> dict[str, list[Outcomes]]:
    """Sum the counts of the database by runtime and platform."""
    sums: dict[tuple[str, str | None], Outcomes] = {}
    for row in rows:
        key, count = row["_id"], row["count"]
        place = (key["runtime"], key.get("platform"))
        total = sums.setdefault(place, Outcomes(platform=place[1]))
        name = _counter(key)
        setattr(total, name, getattr(total, name) + count)
        if (name, key.get("error_code")) == ("incomplete", ErrorCode.INFRASTRUCTURE):
            total.infrastructure += count
    by_runtime: dict[str, list[Outcomes]] = {}
    for (runtime, _), total in sorted(sums.items(), key=lambda item: str(item[0])):
        by_runtime.setdefault(runtime, []).append(total)
    return by_runtime


def _counter(key: dict[str, Any]) -> str:
    """Return the field of `Outcomes` that counts nodes of this group."""
    if key["state"] != State.DONE:
        return "running" if key.get("held") else "waiting"
    result = Result(key.get("result") or Result.INCOMPLETE)
    match result:
        case Result.PASS:
            return "passed"
        case Result.FAIL:
            return "failed"
        case Result.SKIP:
            return "skipped"
        case Result.INCOMPLETE:
            return "incomplete"
        case _:
            assert_never(result)
