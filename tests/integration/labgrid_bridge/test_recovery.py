# SPDX-License-Identifier: LGPL-2.1-or-later
"""What dies by force, and what becomes of the boards that it held."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.labgrid_bridge.bench import Bench
from kci_labgrid_bridge import run
from kci_labgrid_bridge.coordinator import Coordinator
from kci_labgrid_bridge.run import MARK
from kci_shared.errors import ChannelDown
from kci_shared.models import ErrorCode, Progress, Result, TestStep

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

FOREVER = TestStep(id="forever", run="sleep 600", timeout=600)


def processes_of(folder: Path) -> dict[int, str]:
    """Find what runs for the jobs in a folder: pid -> command."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if command and f"{MARK}={folder}".encode() in told:
            found[int(process.name)] = command
    return found


async def test_a_runner_that_is_killed_leaves_neither_qemu_nor_a_held_place(
    bench: Bench,
) -> None:
    running = await bench.run_until(
        bench.job(FOREVER, platform="qemu-x86_64"), "login:"
    )
    left = processes_of(bench.runs)
    assert any("qemu-system" in command for command in left.values())
    for pid, command in left.items():
        if "pytest" in command:
            os.kill(pid, signal.SIGKILL)
    outcome = await running
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert outcome.error_msg == "the runner was killed by SIGKILL"
    assert processes_of(bench.runs) == {}
    assert (await bench.places())["qemu-1"].holder is None


async def test_a_bridge_that_is_killed_is_cleaned_up_after_by_the_next_one(
    bench: Bench,
) -> None:
    node_id, bridge = await bench.start_bridge(FOREVER)
    await bench.console_says("login:", node_id)
    assert await bench.dialect.recover() == {}
    held = (await bench.places())["board-1"]
    owner = f"{bench.runtime}/{node_id}-"
    assert (held.holder or "").startswith(owner), "its bridge is alive"

    bridge.kill()
    await bridge.wait()
    assert await bench.is_powered()
    assert await bench.dialect.recover() == {}
    assert processes_of(bench.runs) == {}
    assert (await bench.places())["board-1"].holder is None
    assert not await bench.is_powered()
    assert (await bench.dialect.slots())["netboot-x86_64"] == 1


async def test_a_board_that_a_person_holds_is_not_taken_away(bench: Bench) -> None:
    address = bench.site.address("coordinator")
    async with Coordinator.connect(address, f"{bench.runtime}/alice") as alice:
        await alice.acquire("qemu-1")
        assert await bench.dialect.recover() == {}
        assert alice.is_ours("qemu-1")
        await alice.release("qemu-1", f"{bench.runtime}/alice")


async def test_a_board_that_its_runner_could_not_power_off_is_powered_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, real = bench.site.board("board-1") / "power-stays", run.power_off

    async def power_off(*told: Any) -> None:
        fault.unlink()
        await real(*told)

    monkeypatch.setattr(run, "power_off", power_off)
    running = await bench.run_until(bench.job(TestStep(id="s", run="sleep 5")), "sleep")
    fault.touch()
    outcome = await running
    assert outcome.result is Result.PASS
    assert not fault.exists(), "the runner itself had failed"
    assert not await bench.is_powered()


async def test_a_coordinator_that_dies_ends_the_job_for_another_try(
    bench: Bench,
) -> None:
    told: list[Progress] = []
    job = replace(bench.job(FOREVER), progress=told.append)
    running = await bench.run_until(job, "login:")
    async with asyncio.timeout(60):
        while told != ["booting", "testing"]:
            await asyncio.sleep(0.1)
    await bench.kill_coordinator()
    outcome = await running
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert outcome.error_msg == "the labgrid coordinator went away"
    with pytest.raises(ChannelDown, match="no labgrid coordinator"):
        await bench.dialect.slots()
    [probe] = await bench.dialect.check()
    assert (probe.what, probe.is_bad) == ("coordinator", True)
    await bench.restart_lab()
    found = {probe.what: probe.message for probe in await bench.dialect.check()}
    address = bench.site.address("coordinator")
    assert found["coordinator"].startswith(f"{address} answers")
    assert found["netboot-x86_64"] == "board-1 (free)"
    assert set((await bench.dialect.slots()).values()) == {1}
    assert set(bench.dialect.capacity().values()) == {1}


async def test_a_job_that_is_cancelled_in_the_queue_leaves_nothing_behind(
    bench: Bench,
) -> None:
    await bench.labgrid_client("-p", "board-1", "acquire")
    waiting = asyncio.create_task(bench.dialect.submit(bench.job(FOREVER)))
    async with asyncio.timeout(60):
        while not await bench.is_queued():
            await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.wait({waiting})
    await bench.labgrid_client("-p", "board-1", "release")
    assert (await bench.dialect.slots())["netboot-x86_64"] == 1
