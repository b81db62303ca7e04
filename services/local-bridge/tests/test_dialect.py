# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import io
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from local_bridge_fakes import FakeMachine

from kci_fakes.jobs import a_job_node
from kci_fakes.waiting import until
from kci_local_bridge import console as consoles
from kci_local_bridge.console import Console
from kci_local_bridge.dialect import LocalLab
from kci_local_bridge.machine import kill_leftover
from kci_local_bridge.settings import Settings
from kci_local_bridge.verdicts import PoweredOff
from kci_shared.lab import LabError
from kci_shared.models import ErrorCode, Result
from kci_shared.work import LabJob

PANICS = "echo Linux version 6.1; echo Kernel panic - not syncing: no init"
HANGS = "echo Linux version 6.1; exec sleep 60"


def fake_qemu(folder: Path, does: str) -> str:
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def lab(settings: Settings, **changes: Any) -> LocalLab:
    return LocalLab(settings.model_copy(update=changes))


def a_job(folder: Path) -> LabJob:
    definition = {"artifacts": {"kernel": "http://s/k"}}
    node = a_job_node(
        "1", runtime="lab-local", platform="qemu-x86_64", definition=definition
    )
    return LabJob(node, attempt=1, folder=folder, images={"kernel": folder / "k"})


async def test_a_run_leaves_its_console_and_a_free_slot(
    settings: Settings, tmp_path: Path
) -> None:
    local = lab(settings, qemu=fake_qemu(tmp_path, PANICS))
    job = a_job(tmp_path)
    handle = await local.submit(job)
    assert await local.submit(job) == handle
    assert await local.slots() == {"qemu-x86_64": 1}
    outcome = await local.wait(job, handle)
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert b"Linux version" in outcome.files["log"].read_bytes()
    assert await local.slots() == {"qemu-x86_64": 2}


async def test_a_cancelled_run_ends_soon_and_is_nobodys_fault(
    settings: Settings, tmp_path: Path
) -> None:
    local = lab(settings, qemu=fake_qemu(tmp_path, HANGS), login_timeout=60)
    handle = await local.submit(a_job(tmp_path))
    waiting = asyncio.create_task(local.wait(a_job(tmp_path), handle))
    log = tmp_path / "console.log"
    await until(lambda: log.exists())
    await local.cancel(handle)
    outcome = await waiting
    assert (outcome.result, outcome.error_code) == (Result.INCOMPLETE, "Canceled")
    await local.cancel(handle)


async def test_a_missing_qemu_is_the_labs_fault(
    settings: Settings, tmp_path: Path
) -> None:
    local = lab(settings, qemu="/no/such/qemu")
    with pytest.raises(LabError, match="/no/such/qemu is not installed"):
        await local.slots()
    with pytest.raises(LabError, match="No such file"):
        await local.submit(a_job(tmp_path))


async def test_a_handle_of_a_former_life_is_gone(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(LabError, match="job qemu-1 no longer exists"):
        await lab(settings).wait(a_job(tmp_path), "qemu-1")


async def test_a_machine_of_a_killed_bridge_is_killed(
    settings: Settings, tmp_path: Path
) -> None:
    runs = tmp_path / "runs" / "lab-local" / "life-dead" / "1-x"
    runs.mkdir(parents=True)
    pid_file = runs / "qemu.pid"
    left = _sleeper(str(pid_file))
    pid_file.write_text(f"{left.pid}\n")
    assert await lab(settings, cache=tmp_path).recover() == {}
    assert left.wait(5) == -signal.SIGKILL


def test_another_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    stranger = _sleeper("another.pid")
    pid_file = tmp_path / "qemu.pid"
    pid_file.write_text(str(stranger.pid))
    assert not kill_leftover(pid_file)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert not kill_leftover(pid_file)
    pid_file.write_text("no number")
    assert not kill_leftover(pid_file)


def _sleeper(argument: str) -> subprocess.Popen[bytes]:
    code = "print(flush=True); import time; time.sleep(60)"
    command = [sys.executable, "-S", "-c", code, argument]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()  # until then /proc may still show its parent
    return process


async def test_a_log_is_cut_when_it_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consoles, "MAX_LOG_BYTES", 20)
    board = FakeMachine("x" * 100 + "\r\n")
    board.go_off()
    log = io.BytesIO()
    with pytest.raises(PoweredOff):
        await Console(board, log).until(re.compile("never"), 1)
    assert log.getvalue() == b"x" * 20 + consoles.LOG_CUT
