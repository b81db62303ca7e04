# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scheduler does when it hears of a node."""

from datetime import timedelta
from typing import Any

import pytest
from scheduler_fakes import NOW, SchedulerApi, hear

from kci_fakes.api import Call
from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_shared.config import Config
from kci_shared.errors import Conflict
from kci_shared.models import Definition, NewNode, TestStep

BUILD = "build/gcc-12/x86_64/cloud"
BOOT = f"{BUILD}/boot/@lab:pc"
SMOKE = f"{BUILD}/boot/smoke/@lab:pc"
LOG = {"artifacts": {"log": "https://storage.example.org/console.log"}}
INFRASTRUCTURE = {"error_code": "Infrastructure", "error_msg": "no power"}


def with_tests(config: Config, **tests: Any) -> Config:
    sections = config.model_dump()
    every = {**sections["tests"], **tests}
    return Config.model_validate({**sections, "tests": every})


async def test_a_build_that_passed_is_booted(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    assert api.paths() == ["", BUILD, f"{BOOT}#0"]
    assert api.job("boot").group == "boot"


async def test_a_build_that_comes_while_its_tree_is_looked_at_keeps_it_open(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit()

    def submit_build(call: Call) -> None:
        if call.method == "update" and not api.paths()[1:]:
            api.submit_build(root, {})

    api.disturb = submit_build
    await scheduler.on_event(api.events[0])
    assert api.checkout(root.id).state == "available"


async def test_a_job_says_all_that_its_lab_must_know(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    data = api.job("boot").data
    built_as = (data.arch, data.compiler, data.defconfig, data.config_full)
    assert built_as == ("x86_64", "gcc-12", "cloud", "cloud")
    assert (data.runtime, data.platform) == ("lab", "pc")
    assert data.priority == 40
    assert Definition.model_validate(data.definition) == Definition(
        artifacts={"kernel": "https://storage.example.org/k"},
        device={"arch": ["x86_64"]},
    )


async def test_a_test_follows_the_test_that_it_needs(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    api.change(api.job("boot").id, state="done", result="pass")
    await hear(scheduler, api)
    assert api.paths() == ["", BUILD, f"{BOOT}#0", f"{SMOKE}#0"]
    definition = Definition.model_validate(api.job("smoke").data.definition)
    assert definition.tests == [TestStep(id="uname", run="uname -a")]


async def test_a_test_does_not_follow_one_that_failed(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    api.change(api.job("boot").id, state="done", result="fail")
    await hear(scheduler, api)
    assert api.paths() == ["", BUILD, f"{BOOT}#0"]


async def test_nothing_follows_before_the_log_was_read(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit({})
    await hear(scheduler, api)
    boot = api.change(api.job("boot").id, state="done", result="pass", **LOG)
    await hear(scheduler, api)
    assert len(api.nodes) == 3
    assert api.checkout(root.id).state == "available"

    api.change(boot.id, data={"findings": []})
    await hear(scheduler, api)
    assert f"{SMOKE}#0" in api.paths()


async def test_a_verdict_that_the_log_corrects_counts(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    boot = api.change(api.job("boot").id, state="done", result="pass", **LOG)
    api.change(boot.id, result="fail", data={"findings": []})
    await hear(scheduler, api)
    assert len(api.nodes) == 3


async def test_what_the_lab_failed_is_run_again_but_not_for_ever(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit({})
    for attempt in range(3):
        await hear(scheduler, api)
        boot = api.job("boot", retry_counter=attempt)
        api.change(boot.id, state="done", result="incomplete", data=INFRASTRUCTURE)
    await hear(scheduler, api)
    assert api.paths() == ["", BUILD, f"{BOOT}#0", f"{BOOT}#1", f"{BOOT}#2"]
    assert api.checkout(root.id).state == "done"


async def test_another_attempt_is_the_same_job(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    first = api.job("boot")
    data = {**INFRASTRUCTURE, "job_id": "lab-17", "device": "pc-1"}
    api.change(first.id, state="done", result="incomplete", data=data)
    await hear(scheduler, api)
    assert api.job("boot", retry_counter=1).data == first.data


@pytest.mark.parametrize("code", ["Canceled", "node_timeout", None])
async def test_other_failures_are_not_repeated(
    scheduler: Scheduler, api: SchedulerApi, code: str | None
) -> None:
    api.submit({})
    await hear(scheduler, api)
    boot = api.job("boot")
    api.change(boot.id, state="done", result="incomplete", data={"error_code": code})
    await hear(scheduler, api)
    assert len(api.nodes) == 3


async def test_what_failed_the_kernel_is_not_repeated(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    api.change(api.job("boot").id, state="done", result="fail", data=INFRASTRUCTURE)
    await hear(scheduler, api)
    assert len(api.nodes) == 3


async def test_a_build_without_kernel_gives_a_job_that_says_so(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit({"artifacts": {}})
    await hear(scheduler, api)
    boot = api.job("boot")
    assert (boot.state, boot.result) == ("done", "incomplete")
    assert boot.data.error_code == "invalid_job_params"
    assert "has no artifact 'kernel'" in str(boot.data.error_msg)
    assert api.checkout(root.id).state == "done"


async def test_nothing_follows_a_build_that_failed_or_is_unknown(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({"result": "fail"}, {"name": "build/gcc-9/x86_64/cloud"})
    await hear(scheduler, api)
    assert len(api.nodes) == 3


async def test_a_checkout_is_closed_when_all_below_it_is_done(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit({})
    await hear(scheduler, api)
    api.change(api.job("boot").id, state="done", result="pass")
    await hear(scheduler, api)
    assert api.checkout(root.id).state == "available"
    api.change(api.job("smoke").id, state="done", result="fail")
    await hear(scheduler, api)
    assert (api.checkout(root.id).state, api.checkout(root.id).result) == (
        "done",
        "pass",
    )


async def test_a_checkout_without_builds_stays_open(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit()
    await hear(scheduler, api)
    assert api.checkout(root.id).state == "available"


async def test_a_checkout_that_is_held_off_stays_open(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit({"result": "fail"}, holdoff="2999-01-01T00:00:00+00:00")
    await hear(scheduler, api)
    assert api.checkout(root.id).state == "available"


async def test_a_checkout_that_becomes_available_last_is_closed(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit({"result": "fail"}, state="running")
    await hear(scheduler, api)
    api.change(root.id, state="available")
    await hear(scheduler, api)
    assert api.checkout(root.id).state == "done"


async def test_the_same_events_again_change_nothing(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    before = {node.id: node.version for node in api.nodes.values()}
    for event in [*api.events, *reversed(api.events)]:
        await scheduler.on_event(event)
    assert {node.id: node.version for node in api.nodes.values()} == before


async def test_old_nodes_are_not_planned_anew_when_the_configuration_changes(
    scheduler: Scheduler, api: SchedulerApi, config: Config
) -> None:
    api.submit({})
    await hear(scheduler, api)
    changed = with_tests(config, late={"needs": "build/debian"})
    await hear(Scheduler(lambda: changed, api, Closing(api)), api)
    assert len(api.nodes) == 3


async def test_a_plan_that_was_cut_short_is_finished_with_what_is_missing(
    scheduler: Scheduler, api: SchedulerApi, config: Config
) -> None:
    api.submit({})
    await hear(scheduler, api)
    build = api.change(api.one(kind="kbuild").id, data={"planned": None})
    needs = {"needs": "build/debian"}
    changed = with_tests(config, boot={**needs, "timeout": 1}, late=needs)
    await hear(Scheduler(lambda: changed, api, Closing(api)), api)
    assert [node.name for node in api.nodes.values()][2:] == ["boot", "late"]
    assert api.build(build.name).data.planned


async def test_a_conflict_that_is_not_about_keys_is_told(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    def refuse(call: Call) -> None:
        if call.method == "create_many":
            raise Conflict("no")

    api.disturb = refuse
    api.submit({})
    with pytest.raises(Conflict):
        await hear(scheduler, api)


async def test_the_last_job_of_a_line_costs_few_calls(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    await hear(scheduler, api)
    api.change(api.job("boot").id, state="done", result="pass")
    await hear(scheduler, api)
    smoke = api.change(api.job("smoke").id, state="done", result="pass")
    api.calls.clear()
    await scheduler.on_event(api.events[-1])
    closing = ["get", "find", "find", "find", "find", "update"]
    assert api.methods == ["get", "update", *closing]
    assert api.job(smoke.name).data.planned


async def test_a_tree_is_searched_only_when_the_node_that_it_waits_for_is_planned(
    api: SchedulerApi,
) -> None:
    root = api.submit({"state": "running"}, {"name": "other", "state": "running"})
    closing = Closing(api, now=lambda: NOW)
    for _ in range(3):
        await closing.close(root.id)
    assert api.methods == ["find", "get", "get"]
    api.calls.clear()
    api.change(api.build("other").id, data={"planned": True})
    for _ in range(2):
        await closing.close(root.id)
    assert api.methods == ["get", "find", "get"]


async def calls_at_the_end_of_a_job(
    scheduler: Scheduler, api: SchedulerApi, others: int
) -> list[str]:
    """Let a job end in a tree with other jobs; return the calls that this makes."""
    api.submit({})
    await hear(scheduler, api)
    boot = api.job("boot")
    for number in range(others):
        fields = {"kind": "job", "name": f"other-{number}", "parent": boot.parent}
        api.add(NewNode.model_validate(fields))
    api.change(boot.id, state="done", result="pass")
    api.calls.clear()
    await scheduler.on_event(api.events[-1])
    return api.methods


async def test_the_end_of_a_job_costs_the_same_calls_in_a_large_tree(
    config: Config,
) -> None:
    calls = []
    for others in (20, 2000):
        api = SchedulerApi()
        closing = Closing(api, now=lambda: NOW)
        scheduler = Scheduler(lambda: config, api, closing, now=lambda: NOW)
        calls.append(await calls_at_the_end_of_a_job(scheduler, api, others))
    assert calls[0] == calls[1]


async def test_a_node_that_is_gone_is_no_trouble(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit({})
    api.nodes.clear()
    await hear(scheduler, api)
    assert not api.nodes


async def test_a_job_may_wait_as_long_as_its_test_says(
    api: SchedulerApi, config: Config
) -> None:
    queue = {"needs": "build/debian", "queue": "2h", "timeout": 60}
    changed = with_tests(config, boot=queue)
    api.submit({})
    await hear(Scheduler(lambda: changed, api, Closing(api), lambda: NOW), api)
    boot = api.job("boot")
    assert boot.timeout == NOW + timedelta(hours=2)
    assert boot.data.run_timeout == 60 + 1800
