# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from shared_fakes import FakeLab, Site, a_node

from kci_shared.models import Progress, Result
from kci_shared.work import LabJob, RunOutcome, submission


class SteppingLab(FakeLab):
    """A lab whose jobs report some steps of progress, and end."""

    def __init__(self, *steps: Progress) -> None:
        super().__init__()
        self.steps = steps

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        for step in self.steps:
            job.progress(step)
            await self.after(step)
        self.running.pop(handle, None)
        return RunOutcome(Result.PASS, device="board-1")

    async def after(self, step: Progress) -> None:
        """Go on at once."""


class SlowLab(SteppingLab):
    """A lab that takes its time: each step is written before the next one."""

    def __init__(self, site: Site, *steps: Progress) -> None:
        super().__init__(*steps)
        self.site = site

    async def after(self, step: Progress) -> None:
        await self.site.until(lambda: step in noted(self.site))


def noted(site: Site) -> list[str]:
    """Return the steps that were written, in their order."""
    return [facts["progress"] for facts in site.facts if "progress" in facts]


async def test_each_step_is_written_once_and_none_backwards(site: Site) -> None:
    queued, booting, testing = Progress
    steps = (queued, booting, booting, queued, testing, booting, testing)
    site.lab = SlowLab(site, *steps)
    site.api.put(a_node("1"))
    site.start()
    await site.until_done()
    assert site.facts == [
        {"job_id": "run-1", "progress": "queued"},
        {"progress": "booting"},
        {"progress": "testing"},
        {"device": "board-1"},
    ]


async def test_what_comes_at_once_is_one_write(site: Site) -> None:
    site.lab = SteppingLab(*Progress)
    site.api.put(a_node("1"))
    site.start()
    await site.until_done()
    data = site.api.nodes["1"].data.model_dump()
    facts = {"job_id": "run-1", "progress": "testing", "device": "board-1"}
    assert facts.items() <= data.items()
    assert len(site.facts) <= 2


async def test_a_job_that_the_lab_does_not_start_at_once_is_queued(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(SteppingLab):
        async def submit(self, job: LabJob) -> str:
            await site.until(lambda: noted(site))
            return await super().submit(job)

    monkeypatch.setattr(submission, "QUEUED_AFTER_S", 0.01)
    site.lab = Late(Progress.BOOTING)
    site.api.put(a_node("1"))
    site.start()
    await site.until_done()
    assert noted(site) == ["queued", "booting"]


async def test_a_job_that_is_taken_back_goes_on_where_it_was(site: Site) -> None:
    site.lab = SteppingLab(Progress.BOOTING, Progress.TESTING)
    site.lab.surviving = {"1": "run-1"}
    site.api.put(a_node("1", progress="testing"))
    site.hold("1")
    site.start()
    await site.until_done()
    assert site.facts == [{"device": "board-1"}]
