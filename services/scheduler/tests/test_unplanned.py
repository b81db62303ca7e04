# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sweep: what was not planned, or not closed, although no event of it is left."""

from datetime import timedelta

import pytest
from scheduler_fakes import BUILD, NOW, SchedulerApi, hear

from kci_fakes.api import Call
from kci_fakes.sweeps import Crash, give_up, owed, sweep_once
from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_scheduler.unplanned import Query, Unplanned, queries
from kci_shared.config import Config
from kci_shared.models import Kind

BOOT = f"{BUILD}/boot/@lab:pc#0"
LOG = {"log": "https://storage.example.org/console.log"}


@pytest.fixture
def sweep(api: SchedulerApi, config: Config) -> Unplanned:
    closing = Closing(api, now=lambda: NOW)
    return Unplanned(lambda: config, api, closing, now=lambda: NOW)


def crash(call: Call) -> None:
    raise Crash


async def test_a_build_whose_event_was_given_up_is_booted_once_the_cause_is_mended(
    scheduler: Scheduler, api: SchedulerApi, sweep: Unplanned
) -> None:
    api.submit({})
    api.disturb = crash
    for event in list(api.events):
        await give_up(scheduler.on_event, event)
    api.disturb = lambda _: None
    await sweep_once(sweep.nodes, scheduler.on_event)
    assert api.paths() == ["", BUILD, BOOT]
    assert await owed(sweep.nodes) == []


async def test_a_tree_in_which_nothing_is_left_is_closed(
    scheduler: Scheduler, api: SchedulerApi, sweep: Unplanned
) -> None:
    root = api.submit({"result": "fail"})
    await scheduler.on_event(api.events[0])
    api.change(api.build(BUILD).id, data={"planned": True})
    assert api.checkout(root.id).state == "available"
    await sweep_once(sweep.nodes, scheduler.on_event)
    assert api.checkout(root.id).state == "done"
    assert await owed(sweep.nodes) == []


async def test_a_tree_in_which_something_runs_is_not_swept(
    scheduler: Scheduler, api: SchedulerApi, sweep: Unplanned
) -> None:
    api.submit({})
    await hear(scheduler, api)
    assert api.job("boot").state == "running"
    assert await owed(sweep.nodes) == []


async def test_a_tree_that_is_held_is_not_swept_before_its_time(
    scheduler: Scheduler, api: SchedulerApi, sweep: Unplanned
) -> None:
    root = api.submit({"result": "fail"}, holdoff=NOW + timedelta(minutes=5))
    await hear(scheduler, api)
    assert await owed(sweep.nodes) == []
    api.change(root.id, holdoff=NOW)
    assert await owed(sweep.nodes) == [root.id]


async def test_a_job_whose_log_was_not_read_is_not_swept(
    scheduler: Scheduler, api: SchedulerApi, sweep: Unplanned
) -> None:
    api.submit({})
    await hear(scheduler, api)
    job = api.job("boot")
    api.change(job.id, state="done", result="pass", artifacts=LOG)
    assert await owed(sweep.nodes) == []
    api.change(job.id, data={"findings": []})
    assert await owed(sweep.nodes) == [job.id]


def test_of_processes_only_those_of_the_configuration_are_swept(config: Config) -> None:
    sections = config.model_dump()
    sections["tests"]["size"] = {"needs": "build/debian", "kind": "process"}
    both = [Query(Kind.KBUILD), Query(Kind.JOB)]
    assert list(queries(config)) == both
    with_process = Config.model_validate(sections)
    assert list(queries(with_process)) == [*both, Query(Kind.PROCESS, "size")]
