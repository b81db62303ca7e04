# SPDX-License-Identifier: LGPL-2.1-or-later
"""What follows from a node."""

from datetime import UTC, datetime
from typing import Any

import pytest
from scheduler_fakes import SchedulerApi

from kci_scheduler.plan import Plan
from kci_scheduler.tree_nodes import Family
from kci_shared.config import Config, Placements
from kci_shared.models import NewNode, Node

SMALL_LAB = {"type": "labgrid", "platforms": ["pc"]}
MATRIX = {
    "builds": {
        "debian": {
            "external": True,
            "compiler": ["gcc-12", "gcc-13"],
            "arch": {"x86_64": "cloud"},
        },
        "tools": {"external": True, "compiler": "gcc-12", "arch": {"x86_64": "tools"}},
    },
    "platforms": {"pc": {"arch": "x86_64", "boot": "grub"}, "nuc": {"arch": "x86_64"}},
    "labs": {
        "here": {"type": "labgrid", "platforms": ["pc", "nuc"]},
        "there": {"type": "lava", "platforms": ["pc"]},
    },
}
NOW = datetime(2026, 11, 22, tzinfo=UTC)
GCC_12 = "build/gcc-12/x86_64/cloud"
GCC_13 = "build/gcc-13/x86_64/cloud"
TOOLS = "build/gcc-12/x86_64/tools"


def config(**tests: Any) -> Config:
    return Config.model_validate({**MATRIX, "tests": tests})


def planned(config: Config, api: SchedulerApi, node: Node) -> list[str]:
    """Say what follows, as `parent's name > test @ lab:platform`."""
    jobs = Plan(Placements(config), Family(api.nodes.values()), NOW).after(node)
    assert all(job.idempotency_key for job in jobs)
    return sorted(
        f"{api.nodes[str(job.parent)].name} > {job.name} "
        f"@ {job.data['runtime']}:{job.data['platform']}"
        for job in jobs
    )


def ran(api: SchedulerApi, parent: Node, name: str, **fields: Any) -> Node:
    """Add a job that is done and passed, on `pc` of lab `here` by default."""
    data = {"runtime": "here", "platform": "pc", "definition": {}}
    data |= fields.pop("data", {})
    new = {"kind": "job", "parent": parent.id, "state": "done", "result": "pass"}
    key = f"{parent.id}/{name}/here/pc/{fields.get('retry_counter', 0)}"
    job = {**new, "name": name, "data": data, "idempotency_key": key, **fields}
    return api.add(NewNode.model_validate(job))


def test_a_test_runs_on_every_platform_of_every_lab(api: SchedulerApi) -> None:
    api.submit({})
    after = planned(config(boot={"needs": "build/debian"}), api, api.build(GCC_12))
    assert after == [
        f"{GCC_12} > boot @ here:nuc",
        f"{GCC_12} > boot @ here:pc",
        f"{GCC_12} > boot @ there:pc",
    ]


def test_a_job_below_a_job_stays_on_its_platform_in_its_lab(api: SchedulerApi) -> None:
    tests = config(boot={"needs": "build/debian"}, smoke={"needs": "boot"})
    api.submit({})
    boot = ran(api, api.build(GCC_12), "boot")
    assert planned(tests, api, boot) == ["boot > smoke @ here:pc"]


@pytest.mark.parametrize(
    ("need", "state", "result", "follows"),
    [
        ("pass", "done", "pass", True),
        ("pass", "done", "fail", False),
        ("pass", "available", "pass", False),
        ("fail", "done", "fail", True),
        ("fail", "done", "pass", False),
        ("done", "done", "fail", True),
        ("done", "done", "incomplete", True),
        ("done", "available", "pass", False),
        ("available", "available", "pass", True),
        ("available", "done", "pass", True),
        ("available", "done", "fail", False),
        ("available", "available", None, False),
    ],
)
def test_a_need_says_what_its_node_must_have_come_to(
    api: SchedulerApi, need: str, state: str, result: str | None, follows: bool
) -> None:
    tests = config(look={"needs": {"build/debian": need}, "on": {"boot": "grub"}})
    api.submit({"state": state, "result": result})
    assert bool(planned(tests, api, api.build(GCC_12))) == follows


def test_an_attempt_that_is_repeated_is_not_the_end(api: SchedulerApi) -> None:
    tests = config(
        boot={"needs": "build/debian", "retry": {"infra": 1}},
        sweep={"needs": {"boot": "done"}},
    )
    api.submit({})
    failed: dict[str, Any] = {"result": "incomplete"}
    failed["data"] = {"error_code": "Infrastructure"}
    first = ran(api, api.build(GCC_12), "boot", **failed)
    last = ran(api, api.build(GCC_12), "boot", retry_counter=1, **failed)
    assert planned(tests, api, first) == [f"{GCC_12} > boot @ here:pc"]
    assert planned(tests, api, last) == ["boot > sweep @ here:pc"]


def test_only_what_was_planned_here_is_repeated(api: SchedulerApi) -> None:
    tests = config(boot={"needs": "build/debian", "retry": {"infra": 1}})
    api.submit({})
    data = {"error_code": "Infrastructure", "runtime": None, "definition": None}
    lost = ran(
        api,
        api.build(GCC_12),
        "boot",
        result="incomplete",
        data=data,
        idempotency_key="somebody/else",
    )
    assert planned(tests, api, lost) == []


TWO = {
    "boot": {"needs": "build/debian"},
    "login": {"needs": "build/debian"},
    "both": {"needs": ["boot", "login"]},
}


def test_a_test_with_several_needs_waits_for_all_of_them(api: SchedulerApi) -> None:
    api.submit({})
    boot = ran(api, api.build(GCC_12), "boot")
    assert planned(config(**TWO), api, boot) == []
    login = ran(api, api.build(GCC_12), "login")
    assert planned(config(**TWO), api, boot) == ["boot > both @ here:pc"]
    assert planned(config(**TWO), api, login) == ["boot > both @ here:pc"]


def test_several_needs_are_of_the_same_platform(api: SchedulerApi) -> None:
    api.submit({})
    ran(api, api.build(GCC_12), "boot")
    login = ran(api, api.build(GCC_12), "login", data={"platform": "nuc"})
    assert planned(config(**TWO), api, login) == []


def test_several_needs_are_of_the_same_build(api: SchedulerApi) -> None:
    api.submit({"name": GCC_12}, {"name": GCC_13})
    ran(api, api.build(GCC_12), "boot")
    login = ran(api, api.build(GCC_13), "login")
    assert planned(config(**TWO), api, login) == []


def test_needs_of_different_builds_meet_in_the_checkout(api: SchedulerApi) -> None:
    tests = config(
        boot={"needs": "build/debian"}, perf={"needs": ["boot", "build/tools"]}
    )
    api.submit({"name": GCC_12}, {"name": TOOLS})
    ran(api, api.build(GCC_12), "boot")
    assert planned(tests, api, api.build(TOOLS)) == ["boot > perf @ here:pc"]


def test_a_need_may_lie_on_the_way_to_another(api: SchedulerApi) -> None:
    tests = config(
        boot={"needs": "build/debian"},
        smoke={"needs": "boot"},
        end={"needs": ["smoke", "boot", "build/debian"]},
    )
    api.submit({})
    smoke = ran(api, ran(api, api.build(GCC_12), "boot"), "smoke")
    assert planned(tests, api, smoke) == ["smoke > end @ here:pc"]


LINE = {
    "boot": {"needs": "build/debian"},
    "smoke": {"needs": "boot"},
    "ltp": {"needs": "boot"},
}


@pytest.mark.parametrize(
    ("jobfilter", "after_build", "after_boot"),
    [
        (None, True, ["ltp", "smoke"]),
        ([], True, ["ltp", "smoke"]),
        (["boot"], True, []),
        (["smoke"], True, ["smoke"]),
        (["boot+"], True, ["ltp", "smoke"]),
        ([f"{GCC_12}+"], True, ["ltp", "smoke"]),
        ([GCC_12], False, []),
        (["other"], False, []),
    ],
)
def test_a_jobfilter_leaves_out_what_it_does_not_name(
    api: SchedulerApi,
    jobfilter: list[str] | None,
    after_build: bool,
    after_boot: list[str],
) -> None:
    api.submit({}, jobfilter=jobfilter)
    build = api.build(GCC_12)
    assert bool(planned(config(**LINE), api, build)) == after_build
    after = planned(config(**LINE), api, ran(api, build, "boot"))
    assert [line.split()[2] for line in after] == after_boot


def test_a_platform_filter_leaves_out_other_platforms(api: SchedulerApi) -> None:
    api.submit({}, platform_filter=["nuc"])
    after = planned(config(boot={"needs": "build/debian"}), api, api.build(GCC_12))
    assert after == [f"{GCC_12} > boot @ here:nuc"]


def test_rules_of_test_and_lab_are_heeded(api: SchedulerApi) -> None:
    tests = config(boot={"needs": "build/debian", "when": {"tree": ["!demo"]}})
    api.submit({})
    assert planned(tests, api, api.build(GCC_12)) == []


def test_a_job_below_a_build_that_nobody_configured_stays_alone(
    api: SchedulerApi,
) -> None:
    api.submit({"name": "build/icc/x86_64/cloud"})
    boot = ran(api, api.one(kind="kbuild"), "boot")
    assert planned(config(**LINE), api, boot) == []


@pytest.mark.parametrize(
    ("of_branch", "of_test", "number"),
    [
        (None, "medium", 40),
        (None, "high", 60),
        ("high", "low", 60),
        ("low", "high", 20),
    ],
)
def test_the_branch_says_how_urgent_it_is_else_the_test_and_no_lab_changes_it(
    api: SchedulerApi, of_branch: str | None, of_test: str, number: int
) -> None:
    tests = {"boot": {"needs": "build/debian", "priority": of_test}}
    branches = {"master": {"priority": of_branch}}
    trees = {"demo": {"url": "https://git.example.org/x", "branches": branches}}
    narrow = {"type": "lava", "platforms": ["pc"], "priority": [0, 49]}
    urgent = Config.model_validate(
        {**MATRIX, "labs": {"narrow": narrow}, "tests": tests, "trees": trees}
    )
    api.submit({})
    [job, *_] = Plan(Placements(urgent), Family(api.nodes.values()), NOW).after(
        api.build(GCC_12)
    )
    assert job.data["priority"] == number
