# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a runtime counts as online, and how its jobs are counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kci_api.runtimes.rules import OFFLINE_AFTER, Outcomes, is_job, is_online, outcomes
from kci_shared.models import Kind, RuntimeReport

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("healthy", "silence", "online"),
    [
        (True, timedelta(0), True),
        (True, OFFLINE_AFTER, False),
        (False, timedelta(0), False),
    ],
)
def test_a_runtime_is_online_while_it_reports_that_it_is_healthy(
    healthy: bool, silence: timedelta, online: bool
) -> None:
    report = RuntimeReport(kind="lava", healthy=healthy)
    assert is_online(report, NOW - silence, NOW) is online


def test_what_a_lab_or_builder_runs_is_a_job() -> None:
    assert {kind for kind in Kind if is_job(kind)} == {
        Kind.KBUILD,
        Kind.JOB,
        Kind.PROCESS,
    }


def row(count: int, **key: Any) -> dict[str, Any]:
    return {"_id": {"runtime": "lab", "platform": "board", **key}, "count": count}


def test_jobs_are_summed_by_runtime_platform_and_outcome() -> None:
    counted = outcomes(
        [
            row(1, state="running"),
            row(2, state="running", held=True),
            row(3, state="done", result="pass"),
            row(4, state="done", result="fail"),
            row(5, state="done", result="skip"),
            row(6, state="done", result="incomplete"),
            row(7, state="done"),
            row(8, state="done", result="incomplete", error_code="Infrastructure"),
            row(9, state="done", result="pass", platform=None),
            row(10, state="done", result="pass", runtime="other"),
        ]
    )
    assert counted == {
        "lab": [
            Outcomes(
                platform="board",
                waiting=1,
                running=2,
                passed=3,
                failed=4,
                skipped=5,
                incomplete=21,
                infrastructure=8,
            ),
            Outcomes(platform=None, passed=9),
        ],
        "other": [Outcomes(platform="board", passed=10)],
    }
