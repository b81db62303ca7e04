# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels built on a real API server: what is reported, and who saw which secret."""

import asyncio
from pathlib import Path

import pytest

from integration.kubernetes_bridge.conftest import World
from kci_fakes.repository import Repository

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PODS = "/api/v1/namespaces/kernelci/pods"
LAB = ("incomplete", "Infrastructure")
SPY = (
    "@for file in /proc/[0-9]*/environ; do "
    "grep -qsa KCI_ORDER= $$file && tr '\\0' '\\n' <$$file; done; env; exit 1"
)
"""Prints the environment of what builds, and its own."""


@pytest.fixture
def sources(tmp_path: Path) -> Repository:
    return Repository.standin(tmp_path / "linux")


def make_does(sources: Repository, recipe: str) -> None:
    makefile = (sources.folder / "Makefile").read_text()
    sources.write("Makefile", f"{makefile}\nbzImage: evil\nevil:\n\t{recipe}\n")


async def test_builds_of_every_kind_have_the_right_result(
    world: World, sources: Repository
) -> None:
    await world.start()
    assert await world.end(await world.build(sources)) == LAB, "there is no Secret"
    await world.secret()
    nodes = {
        "good": await world.build(
            sources, fragments={"one": "CONFIG_SERIAL=y\nCONFIG_NEW=y\n"}
        ),
        "no arch": await world.build(sources, arch="sparc9"),
        "image": await world.build(sources, image="other"),
        "killed": await world.build(sources, image="fate/oom"),
        "missing": await world.build(sources, image="fate/missing"),
    }
    sources.write("init/main.c", "int main(void)\n{\n\treturn 0\n}\n")
    nodes["broken"] = await world.build(sources)
    make_does(sources, "@echo begun; sleep 60")
    nodes["late"] = await world.build(sources, timeout=3)
    ends = await asyncio.gather(*map(world.end, nodes.values()))
    assert dict(zip(nodes, ends, strict=True)) == {
        "good": ("pass", None),
        "no arch": ("incomplete", "invalid_job_params"),
        "image": ("incomplete", "invalid_job_params"),
        "killed": LAB,
        "missing": LAB,
        "broken": ("fail", None),
        "late": ("incomplete", "node_timeout"),
    }
    good, broken, late = [
        await world.done(nodes[n]) for n in ("good", "broken", "late")
    ]
    assert good.artifacts.keys() == {
        "kernel",
        "_config",
        "system_map",
        "modules",
        "metadata",
        "build_log",
    }
    data = good.data.model_dump()
    assert data["kernel_release"] == "6.1.0"
    assert data["config_missing"] == ["CONFIG_NEW=y"]
    assert "CONFIG_MODULES=y" in await world.log_of(good, "_config")
    reason = str(broken.data.error_msg)
    assert reason.startswith("init/main.c:3:17: error: expected")
    assert "begun\n" in await world.log_of(late, "build_log")


async def test_the_sources_see_no_token(world: World, sources: Repository) -> None:
    token = await world.secret()
    await world.start()
    make_does(sources, SPY)
    node = await world.done(await world.build(sources))
    log = await world.log_of(node, "build_log")
    assert "KCI_ORDER=" in log, "it has seen its builder's environment"
    assert token not in log
    assert "KCI_TOKEN" not in log


async def test_the_build_of_a_killed_bridge_continues_and_is_found_by_another(
    world: World, sources: Repository
) -> None:
    await world.secret()
    await world.start("kubernetes-bridge-1")
    make_does(
        sources,
        "@sleep 6; mkdir -p $(O)/arch/x86/boot; touch $(O)/arch/x86/boot/bzImage",
    )
    node_id = await world.build(sources, targets=["kernel"])
    while not await world.in_cluster(PODS, node_id):
        await asyncio.sleep(0.1)
    (pod,) = await world.in_cluster(PODS, node_id)
    await world.kill("kubernetes-bridge-1")
    await world.start("kubernetes-bridge-2")
    assert await world.end(node_id) == ("pass", None)
    (same,) = await world.in_cluster(PODS, node_id)
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]


async def test_a_cancelled_build_is_gone_within_seconds(
    world: World, sources: Repository
) -> None:
    await world.secret()
    await world.start()
    make_does(sources, "@sleep 100")
    node_id = await world.build(sources)
    while not await world.in_cluster(PODS, node_id):
        await asyncio.sleep(0.1)
    await world.api.update(node_id, state="done", result="incomplete")
    async with asyncio.timeout(60):  # the build itself takes longer
        while await world.in_cluster(PODS, node_id):
            await asyncio.sleep(0.2)
