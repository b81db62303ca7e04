# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which builds a checkout gets, and that none is made twice."""

from datetime import timedelta
from typing import Any

import pytest
from scheduler_fakes import NOW, SchedulerApi, hear

from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_shared.config import Config
from kci_shared.errors import NotYet
from kci_shared.models import BuildDefinition, Kbuild, Node

TARBALL = {"tarball": "https://storage.example.org/linux.tar.gz"}
GCC = "build/gcc-12/x86_64/defconfig"
CLANG = "build/clang-19/x86_64/defconfig"
ARM = "build/gcc-12/arm64/defconfig+kasan"
INFRASTRUCTURE = {"error_code": "Infrastructure"}
SETUP: dict[str, Any] = {
    "trees": {"demo": {"url": "https://git.example.org/x", "branches": {}}},
    "fragments": {"kasan": ["CONFIG_KASAN=y", "CONFIG_KASAN_INLINE=y"]},
    "builds": {
        "default": {
            "compiler": ["gcc-12", "clang-19"],
            "arch": {"x86_64": "defconfig"},
            "retry": {"infra": 1},
            "timeout": "10m",
        },
        "again": {"compiler": "gcc-12", "arch": {"x86_64": "defconfig"}},
        "kasan": {
            "compiler": "gcc-12",
            "arch": {"arm64": "defconfig"},
            "fragments": ["kasan"],
        },
        "later": {
            "compiler": "gcc-12",
            "arch": {"riscv": "defconfig"},
            "when": {"tree": "!demo"},
        },
        "outside": {"external": True, "compiler": "x", "arch": {"x86_64": "cloud"}},
    },
    "tests": {
        "boot": {"needs": "build/default"},
        "again-boot": {"needs": "build/again"},
        "style": {"needs": "checkout", "run": "builder"},
    },
    "platforms": {"pc": {"arch": "x86_64"}, "board": {"arch": "arm64"}},
    "labs": {"lab": {"type": "lava", "platforms": ["pc", "board"]}},
}


@pytest.fixture
def config() -> Config:
    return Config.model_validate(SETUP)


def builds(api: SchedulerApi) -> list[str]:
    kbuilds = [node for node in api.nodes.values() if node.kind == "kbuild"]
    return sorted(f"{build.name}#{build.retry_counter}" for build in kbuilds)


def end(api: SchedulerApi, node: Node, result: str = "pass", **data: Any) -> None:
    kernel = {"kernel": f"https://storage.example.org/{node.id}/bzImage"}
    fields = {"artifacts": kernel if result == "pass" else {}, "data": data}
    api.change(node.id, state="done", result=result, **fields)


async def test_a_checkout_gets_each_build_once(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit(artifacts=TARBALL)
    await hear(scheduler, api)
    assert builds(api) == [f"{CLANG}#0", f"{ARM}#0", f"{GCC}#0"]
    assert api.checkout(root.id).data.planned


async def test_a_builder_is_told_all_that_it_must_know(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL)
    await hear(scheduler, api)
    build = api.build(ARM)
    assert BuildDefinition.model_validate(build.data.definition) == BuildDefinition(
        arch="arm64",
        compiler="gcc-12",
        defconfig="defconfig",
        fragments={"kasan": "CONFIG_KASAN=y\nCONFIG_KASAN_INLINE=y"},
    )
    assert (build.data.runtime, build.data.platform) == ("builder", "build")
    assert build.data.config_full == "defconfig+kasan"
    assert build.data.fragments == ["kasan"]
    assert api.build(GCC).data.run_timeout == 600 + 1800
    assert build.timeout == NOW + timedelta(hours=24)


async def test_a_build_may_wait_in_a_clusters_queue_while_it_is_claimed(
    api: SchedulerApi,
) -> None:
    entry = {**SETUP["builds"]["default"], "run": "cluster", "queue": "1h"}
    labs = {**SETUP["labs"], "cluster": {"type": "kubernetes", "platforms": []}}
    changed = {**SETUP, "builds": {**SETUP["builds"], "default": entry}, "labs": labs}
    config = Config.model_validate(changed)
    api.submit(artifacts=TARBALL)
    await hear(Scheduler(lambda: config, api, Closing(api)), api)
    build = api.build(CLANG)
    assert build.data.runtime == "cluster"
    assert build.data.run_timeout == 600 + 1800 + 3600


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"artifacts": {}}, []),
        ({"state": "running"}, []),
        ({"result": "fail"}, []),
        ({"jobfilter": ["kasan"]}, [ARM]),
        ({"jobfilter": ["build/kasan"]}, [ARM]),
        ({"jobfilter": [CLANG]}, [CLANG]),
        ({"jobfilter": ["boot"]}, [CLANG, GCC]),
        ({"jobfilter": ["checkout+"]}, [CLANG, ARM, GCC]),
        ({"jobfilter": ["style"]}, []),
        ({"platform_filter": ["board"]}, [ARM]),
        ({"platform_filter": ["nothing"]}, []),
        ({"data": {"architecture_filter": ["arm64"]}}, [ARM]),
    ],
)
async def test_only_what_is_asked_for_is_built(
    scheduler: Scheduler, api: SchedulerApi, fields: dict[str, Any], expected: list[str]
) -> None:
    api.submit(**{"artifacts": TARBALL, **fields})
    await hear(scheduler, api)
    assert builds(api) == [f"{name}#0" for name in expected]


async def test_a_test_may_follow_the_sources_alone(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit(artifacts=TARBALL)
    await hear(scheduler, api)
    style = api.job("style")
    assert style.parent == root.id
    assert (style.data.runtime, style.data.platform) == ("builder", "shell")
    assert style.data.definition == {"artifacts": TARBALL}


async def test_entries_share_a_build_and_each_has_its_tests_below_it(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL)
    await hear(scheduler, api)
    end(api, api.build(GCC))
    await hear(scheduler, api)
    jobs = [
        node.name for node in api.nodes.values() if node.parent == api.build(GCC).id
    ]
    assert sorted(jobs) == ["again-boot", "boot"]


async def test_a_builder_that_failed_is_tried_again_but_not_for_ever(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit(artifacts=TARBALL, jobfilter=[CLANG])
    await hear(scheduler, api)
    first = api.build(CLANG)
    end(api, first, "incomplete", error_code="kbuild_internal_error")
    await hear(scheduler, api)
    second = api.build(CLANG, retry_counter=1)
    assert second.data.definition == first.data.definition
    assert second.data.identity == first.data.identity
    assert api.checkout(root.id).state == "available"
    end(api, second, "incomplete", **INFRASTRUCTURE)
    await hear(scheduler, api)
    assert builds(api) == [f"{CLANG}#0", f"{CLANG}#1"]
    assert api.checkout(root.id).state == "done"


async def test_a_checkout_for_which_nothing_is_built_is_closed(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    root = api.submit(artifacts=TARBALL, jobfilter=["nothing"])
    await hear(scheduler, api)
    assert api.checkout(root.id).state == "done"


async def test_another_checkout_of_the_same_sources_waits_for_the_same_build(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL, jobfilter=["boot"])
    other = api.submit(artifacts=TARBALL, jobfilter=["boot"])
    await hear(scheduler, api)
    assert builds(api) == [f"{CLANG}#0", f"{GCC}#0"]
    assert not api.checkout(other.id).data.planned

    made = api.build(GCC)
    end(api, made)
    await hear(scheduler, api)
    same = api.build(GCC, parent=other.id)
    assert (same.state, same.result, same.data.same_as) == ("done", "pass", made.id)
    assert same.artifacts == api.nodes[made.id].artifacts
    boots = [node for node in api.nodes.values() if node.name == "boot"]
    assert {boot.parent for boot in boots} == {made.id, same.id}
    assert not api.checkout(other.id).data.planned

    end(api, api.build(CLANG), "fail")
    await hear(scheduler, api)
    assert api.build(CLANG, parent=other.id).result == "fail"
    assert api.checkout(other.id).data.planned


async def test_what_was_built_before_is_there_at_once(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL, jobfilter=[GCC])
    await hear(scheduler, api)
    end(api, api.build(GCC))
    await hear(scheduler, api)
    submission = {"kcidb": "https://kcidb.example.org/status?id=1#0"}
    api.change(api.build(GCC).id, artifacts=submission)
    later = api.submit(artifacts=TARBALL, jobfilter=[GCC])
    await hear(scheduler, api)
    copy = api.build(GCC, parent=later.id)
    assert copy.data.same_as
    assert "kcidb" not in copy.artifacts  # the copy was not submitted


async def test_what_could_not_be_built_is_tried_anew_for_another_checkout(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL, jobfilter=[ARM])
    await hear(scheduler, api)
    end(api, api.build(ARM), "incomplete", **INFRASTRUCTURE)
    await hear(scheduler, api)
    api.submit(artifacts=TARBALL, jobfilter=[ARM])
    await hear(scheduler, api)
    assert builds(api) == [f"{ARM}#0", f"{ARM}#1"]


async def test_nobody_waits_for_an_attempt_that_was_not_wanted_when_it_was_time(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL, jobfilter=[CLANG])
    await hear(scheduler, api)
    data = {"error_code": "Infrastructure", "planned": True}  # by another configuration
    end(api, api.build(CLANG), "incomplete", **data)
    other = api.submit(artifacts=TARBALL, jobfilter=[CLANG])
    await hear(scheduler, api)
    assert api.build(CLANG, parent=other.id).retry_counter == 1


async def test_a_great_many_jobs_are_created_in_pieces(
    scheduler: Scheduler, api: SchedulerApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_scheduler.scheduler.NODES_PER_CALL", 2)
    api.submit(artifacts=TARBALL)
    await hear(scheduler, api)
    assert api.methods.count("create_many") == 2
    assert len(builds(api)) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"artifacts": {"tarball": "https://storage.example.org/other.tar.gz"}},
        {"data": {"kernel_revision": {"patchset": "f00"}}},
    ],
)
async def test_other_sources_are_built_on_their_own(
    scheduler: Scheduler, api: SchedulerApi, other: dict[str, Any]
) -> None:
    root = api.submit(artifacts=TARBALL, jobfilter=[ARM])
    assert root.data.kernel_revision is not None
    revision = root.data.kernel_revision.model_dump()
    if data := other.get("data"):
        data["kernel_revision"] = {**revision, **data["kernel_revision"]}
    api.submit(**{"artifacts": TARBALL, "jobfilter": [ARM], **other})
    await hear(scheduler, api)
    first, second = (
        node
        for node in api.nodes.values()
        if isinstance(node, Kbuild) and node.name == ARM
    )
    assert first.data.identity != second.data.identity


async def test_two_replicas_at_once_do_not_build_the_same(
    scheduler: Scheduler, api: SchedulerApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        api.submit(artifacts=TARBALL, jobfilter=[ARM])
    find = api.find

    async def find_nothing_yet(**filters: Any) -> Any:
        return [] if filters.get("kind") == "kbuild" else await find(**filters)

    with monkeypatch.context() as patch:
        patch.setattr(api, "find", find_nothing_yet)
        await scheduler.on_event(api.events[0])
        with pytest.raises(NotYet):
            await scheduler.on_event(api.events[1])
    assert builds(api) == [f"{ARM}#0"]
    await scheduler.on_event(api.events[1])
    assert builds(api) == [f"{ARM}#0"]


async def test_a_build_event_costs_few_calls(
    scheduler: Scheduler, api: SchedulerApi
) -> None:
    api.submit(artifacts=TARBALL)
    api.calls.clear()
    await scheduler.on_event(api.events[-1])
    assert api.methods == ["get", "find", "create_many", "update", "find"]
