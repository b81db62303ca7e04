# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kill -9 of each part in turn while jobs flow: nothing is lost, nothing is double."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import World
from kci_demo.evidence import Evidence
from kci_demo.expectations import GOOD, PANIC
from kci_local.stack import ALL, STARTED
from kci_shared.models import Kind

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

VICTIMS = ["mongo", "redis", "api", "storage", *STARTED]
REST_S = 1.5
"""Between two kills at most: each meets the jobs after something has happened."""


async def test_nothing_is_lost_and_nothing_is_double(world: World) -> None:
    story = world.story
    submissions = [
        await story.submit("kills", number, with_ramdisk=number % 2 == 1)
        for number in (1, 2)
    ]
    for victim in VICTIMS:
        await story.timeline.news(within=REST_S)
        await world.stack.processes.kill(victim)
        await world.stack.up(ALL)
    evidence = [
        await story.until(expected, submission)
        for expected, submission in zip((GOOD, PANIC), submissions, strict=True)
    ]
    for chapter in evidence:
        assert_nothing_is_double(chapter)
    mails = await world.api.find(kind=Kind.PROCESS.value, name="mail")
    assert len(mails) == len({mail.idempotency_key for mail in mails})


def assert_nothing_is_double(evidence: Evidence) -> None:
    # a regression has the path of what failed
    paths = Counter((node.kind, *node.path) for node in evidence.nodes)
    assert set(paths.values()) == {1}, "two nodes have one path"
    rows: dict[tuple[str, str], Any] = {}
    for path in evidence.submissions:
        for kind, row in rows_of(path):
            assert rows.setdefault((kind, row["id"]), row) == row, "rows contradict"


def rows_of(path: Path) -> list[tuple[str, dict[str, Any]]]:
    report = json.loads(path.read_text())
    kinds = ("checkouts", "builds", "tests", "issues", "incidents")
    return [(kind, row) for kind in kinds for row in report.get(kind, [])]
