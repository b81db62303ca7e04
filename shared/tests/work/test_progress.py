# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio

import pytest
from shared_fakes import Site, a_node

from kci_shared.models import Progress, Result
from kci_shared.work import LabJob, RunOutcome, submission


def telling(site: Site, *steps: Progress, seconds: float = 0.0) -> None:
    """Make each job of the lab tell these steps, and take a while for each."""

    async def wait(job: LabJob, handle: str) -> RunOutcome:
        for step in steps:
            job.progress(step)
            if seconds:
                await asyncio.sleep(seconds)
        site.lab.running.pop(handle, None)
        return RunOutcome(Result.PASS, device="board-1")

    site.lab.wait = wait


async def test_each_step_is_written_once_and_none_backwards(site: Site) -> None:
    queued, booting, testing = Progress
    steps = (queued, booting, booting, queued, testing, booting, testing)
    telling(site, *steps, seconds=0.02)
    site.api.add(a_node("1"))
    site.start()
    await site.until_done()
    assert site.api.entries["1"].notes == [
        {"job_id": "run-1", "progress": "queued"},
        {"progress": "booting"},
        {"progress": "testing"},
        {"device": "board-1"},
    ]


async def test_what_comes_at_once_is_one_write(site: Site) -> None:
    telling(site, *Progress)
    site.api.add(a_node("1"))
    site.start()
    await site.until_done()
    facts = {"job_id": "run-1", "progress": "testing", "device": "board-1"}
    assert site.api.entries["1"].facts == facts
    assert len(site.api.entries["1"].notes) <= 2


async def test_a_job_that_the_lab_does_not_start_at_once_is_queued(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "QUEUED_AFTER_S", 0.01)
    at_once = site.lab.submit

    async def late(job: LabJob) -> str:
        await asyncio.sleep(0.1)
        return str(await at_once(job))

    site.lab.submit = late
    telling(site, Progress.BOOTING)
    site.api.add(a_node("1"))
    site.start()
    await site.until_done()
    notes = site.api.entries["1"].notes
    assert [note["progress"] for note in notes if "progress" in note] == [
        "queued",
        "booting",
    ]


async def test_a_job_that_is_taken_back_goes_on_where_it_was(site: Site) -> None:
    site.api.add(a_node("1", progress="testing"))
    site.lab.surviving = {"1": "run-1"}
    telling(site, Progress.BOOTING, Progress.TESTING, seconds=0.02)
    site.start()
    await site.until_done()
    assert site.api.entries["1"].notes == [{"device": "board-1"}]
