# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is noted on a job when it is done."""

from kci_example.counter import TestCounter
from kci_fakes.api import FakeApi
from kci_shared.events.reconcile import event_of
from kci_shared.models import Job, Kind, NewNode, Result, State


def a_job_with(api: FakeApi, *results: Result) -> str:
    """Add a job that is done, with a test of each result; return its id."""
    job = api.add(NewNode(kind=Kind.JOB, name="smoke"))
    for number, result in enumerate(results):
        api.add(
            NewNode(
                kind=Kind.TEST,
                name=f"test-{number}",
                parent=job.id,
                state=State.DONE,
                result=result,
            )
        )
    api.change(job.id, state=State.DONE, result=Result.PASS)
    return job.id


def counts(api: FakeApi, job_id: str) -> object:
    job = api.nodes[job_id]
    assert isinstance(job, Job)
    return job.data.misc


async def test_a_job_that_is_done_has_its_tests_counted() -> None:
    api = FakeApi()
    job_id = a_job_with(api, Result.PASS, Result.PASS, Result.FAIL)
    await TestCounter(api).on_event(api.events[-1])
    assert counts(api, job_id) == {"tests": {"pass": 2, "fail": 1}}


async def test_an_event_that_comes_twice_changes_nothing() -> None:
    api = FakeApi()
    job_id = a_job_with(api, Result.PASS)
    event = api.events[-1]
    await TestCounter(api).on_event(event)
    await TestCounter(api).on_event(event)
    assert api.nodes[job_id].version == 3


async def test_what_is_no_job_or_not_done_is_left_alone() -> None:
    api = FakeApi()
    a_job_with(api, Result.PASS)
    for event in api.events[:-1]:
        await TestCounter(api).on_event(event)
    assert api.calls == []


async def test_a_sweep_finds_the_jobs_that_were_not_counted() -> None:
    api = FakeApi()
    counted, missed = a_job_with(api, Result.PASS), a_job_with(api, Result.FAIL)
    await TestCounter(api).on_event(event_of(api.nodes[counted]))
    assert [job.id async for job in TestCounter(api).uncounted()] == [missed]
    await TestCounter(api).on_event(event_of(api.nodes[missed]))
    assert [job.id async for job in TestCounter(api).uncounted()] == []
