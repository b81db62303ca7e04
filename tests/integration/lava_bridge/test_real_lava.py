# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs on a real LAVA: each ends in the right tree, once, whatever happens."""

import asyncio

import httpx
import pytest
import yaml

from integration.lava_bridge.world import World
from kci_local.site import Site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(580)]

SMOKE = "smoke: /opt/kci/smoke.sh"
UNAME = "uname: uname -r"
FAILS = "fails: echo 'not ok 1 broken'; false"
CRASH = "crash: echo c > /proc/sysrq-trigger"
WAITS = "waits: sleep 8"


async def test_jobs_of_every_kind_end_in_their_trees(world: World) -> None:
    await world.start()
    nodes = {  # first of all those that end by a time limit
        "dead": await world.job("dead", UNAME),
        "panics": await world.job("panics", UNAME),
        "crashes": await world.job("qemu", CRASH, UNAME),
    }
    await asyncio.gather(*map(world.running, nodes.values()))
    nodes |= {
        "good": await world.job("qemu", UNAME, SMOKE),
        "fails": await world.job("qemu", FAILS, UNAME),
        "refused": await world.job("refused"),
        "missing": await world.job("qemu", kernel=f"{world.lava['images']}/none"),
        "uboot": await world.job("uboot", UNAME),
        "grub": await world.job("grub", UNAME),
        "boots": await world.job("qemu"),
    }
    ends = await asyncio.gather(*map(world.end, nodes.values()))
    # it needs all QEMUs, and LAVA keeps one idle for it until the other is free
    nodes["two"] = await world.job("two", UNAME)
    ends.append(await world.end(nodes["two"]))
    assert dict(zip(nodes, ends, strict=True)) == {
        "good": ("pass", None),
        "fails": ("fail", None),
        "panics": ("fail", "Test"),
        "crashes": ("fail", "Test"),
        "refused": ("incomplete", "invalid_job_params"),
        "missing": ("incomplete", "Job"),
        "dead": ("incomplete", "Infrastructure"),
        "uboot": ("pass", None),
        "grub": ("pass", None),
        "two": ("pass", None),
        "boots": ("pass", None),
    }
    trees = {name: await world.tree(node_id) for name, node_id in nodes.items()}
    assert trees["good"]["uname"] == trees["good"]["smoke/proc-mounted"] == "pass"
    assert trees["fails"] == {"fails": "fail", "fails/broken": "fail", "uname": "pass"}
    assert trees["crashes"] == {"crash": "fail", "uname": "incomplete"}
    assert trees["panics"] == {"uname": "incomplete"}
    assert sorted(set(trees["two"].values())) == ["pass"]
    assert len(trees["two"]) == 4
    assert trees["boots"] == {}
    for name in ("panics", "crashes"):
        node = await world.done_job(nodes[name])
        assert (node.data.error_msg or "").startswith("Kernel panic - not syncing")
    good = await world.done_job(nodes["good"])
    assert (good.data.device or "").startswith("qemu-")
    assert "Linux version 6.1" in await world.log_of(good)
    for name, node_id in nodes.items():
        jobs = await world.in_lava(node_id)
        assert len(jobs) == {"refused": 0, "two": 2}.get(name, 1), name


async def test_a_call_is_lost_and_the_job_ends_by_polling(world: World) -> None:
    await world.start(callback=False)
    node_id = await world.job("qemu", UNAME)
    assert await world.end(node_id) == ("pass", None)
    assert "callback" not in (await world.done(node_id)).artifacts


async def test_only_the_jobs_own_token_is_heard_and_a_second_call_changes_nothing(
    world: World, site: Site
) -> None:
    await world.start(poll=3600)
    first, second = await world.job("qemu", WAITS), await world.job("qemu", UNAME)
    calls = {}
    for node_id in (first, second):
        job = await world.running(node_id)
        notify = yaml.safe_load(job["definition"])["notify"]  # for all to read
        callback = notify["callback"]
        calls[node_id] = (job["id"], callback["url"], callback["token"])
    job_id, url, own = calls[first]
    async with httpx.AsyncClient(trust_env=False) as http:

        async def call(token: str, number: int) -> int:
            headers = {"Authorization": token}
            answer = await http.post(url, json={"id": number}, headers=headers)
            return answer.status_code

        assert await call(calls[second][2], job_id) == 403
        assert await call(world.lava["tokens"]["kernelci"], job_id) == 403
        assert await call(own, calls[second][0]) == 403
        assert await call(own, job_id) == 200, "too early: it looks, and waits on"
        assert await world.end(first) == ("pass", None), "LAVA itself has called"
        before = await world.done(first)
        assert await call(own, job_id) == 200
        assert await world.end(second) == ("pass", None)
    assert (await world.done(first)).version == before.version
    assert "callback" in before.artifacts


async def test_a_job_that_is_cancelled_in_lava_is_incomplete(world: World) -> None:
    await world.start()
    node_id = await world.job("qemu", "waits: sleep 25")
    job = await world.running(node_id)
    await world.http.get(f"jobs/{job['id']}/cancel/")
    assert await world.end(node_id) == ("incomplete", "Canceled")


async def test_lava_is_down_for_a_minute(world: World) -> None:
    await world.start()
    running = await world.job("qemu", WAITS)
    await world.running(running)
    await world.connection.cut()
    waiting = await world.job("qemu", UNAME)
    await asyncio.sleep(60)
    await world.connection.open()
    for node_id in (running, waiting):
        assert await world.end(node_id) == ("pass", None)
        assert len(await world.in_lava(node_id)) == 1


async def test_a_bridge_is_killed_between_submitting_and_recording(
    world: World,
) -> None:
    await world.start()
    world.connection.loses_answers = True
    node_id = await world.job("qemu", UNAME)
    await world.connection.lost.wait()
    await world.kill()
    world.connection.loses_answers = False
    await world.start()
    assert await world.end(node_id) == ("pass", None)
    assert len(await world.in_lava(node_id)) == 1


async def test_a_job_goes_on_while_its_bridge_is_stopped_or_killed(
    world: World,
) -> None:
    await world.start()
    node_id = await world.job("qemu", "waits: sleep 25")
    await world.running(node_id)
    await world.stop()
    await world.start()
    await asyncio.sleep(2)
    await world.kill()
    await world.start()
    assert await world.end(node_id) == ("pass", None)
    assert len(await world.in_lava(node_id)) == 1
    assert (await world.done_job(node_id)).data.job_id is not None


async def test_a_node_that_is_over_stops_its_job(world: World) -> None:
    await world.start()
    node_id = await world.job("qemu", "waits: sleep 25")
    job = await world.running(node_id)
    await world.api.update(node_id, state="done", result="incomplete")
    async with asyncio.timeout(30):
        while (await world.in_lava(node_id))[0]["health"] != "Canceled":
            await asyncio.sleep(0.5)
    assert job["id"] == (await world.in_lava(node_id))[0]["id"]
