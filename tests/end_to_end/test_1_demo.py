# SPDX-License-Identifier: LGPL-2.1-or-later
"""One real kernel travels the whole way: the demo's story, with the same parts."""

import json

import pytest
from kcidb_io import schema

from end_to_end.conftest import World
from kci_demo import summary

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


async def test_a_kernel_that_works_one_that_panics_and_a_broken_lab(
    world: World,
) -> None:
    chapters = await world.story.play("story")
    for evidence in chapters:
        for path in evidence.submissions:
            schema.LATEST.validate(json.loads(path.read_text()))
    shown = summary.as_json(chapters, world.story.timeline.seconds)
    good, panic, broken = shown["revisions"]
    assert [job["result"] for job in good["jobs"]] == ["pass", "pass"]
    assert panic["regressions"][0]["pass_node"] == good["jobs"][0]["id"]
    assert panic["regressions"][0]["fail_node"] == panic["jobs"][0]["id"]
    assert broken["jobs"][0]["error_code"] == "Infrastructure"
    assert len(shown["mails"]) == 2
