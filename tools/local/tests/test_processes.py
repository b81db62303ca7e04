# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes, ports and secrets of one state folder."""

import asyncio
import sys
from pathlib import Path

import pytest

from kci_local.ports import Ports
from kci_local.processes import NotReady, Process, Processes
from kci_local.tokens import Secrets

SLEEP = Process("sleeper", ["sleep", "60"])


async def test_a_process_is_found_again_and_never_started_twice(tmp_path: Path) -> None:
    await Processes(tmp_path).start(SLEEP)
    found = Processes(tmp_path)
    pid = found.pid("sleeper")
    await found.start(SLEEP)
    assert found.pid("sleeper") == pid is not None
    await found.stop("sleeper")
    assert found.running() == []


async def test_a_killed_process_counts_as_dead(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    await processes.start(SLEEP)
    await processes.kill("sleeper")
    assert processes.running() == []


def test_a_pid_that_was_reused_is_not_ours(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    (tmp_path / "run" / "sleeper.pid").write_text("1 12345")
    assert processes.pid("sleeper") is None


async def test_the_error_of_what_dies_at_its_start_ends_with_its_log(
    tmp_path: Path,
) -> None:
    processes = Processes(tmp_path)
    command = [sys.executable, "-c", "raise SystemExit('no such file: x')"]
    broken = Process("broken", command, port=1)
    await processes.start(broken)
    with pytest.raises(NotReady, match="no such file: x"):
        await processes.until_ready(broken)


async def test_settings_of_ours_do_not_reach_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCI_TOKEN", "secret")
    processes = Processes(tmp_path)
    await processes.start(Process("env", ["env"], env={"KCI_OWN": "1"}))
    while processes.pid("env"):
        await asyncio.sleep(0.01)
    output = processes.log_file("env").read_text()
    assert "KCI_OWN=1" in output
    assert "secret" not in output


def test_a_port_is_remembered(tmp_path: Path) -> None:
    port = Ports(tmp_path)["api"]
    assert Ports(tmp_path)["api"] == port
    Ports(tmp_path)["api"] = 8001
    assert Ports(tmp_path)["api"] == 8001


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = Secrets(tmp_path).ensure("jwt.key")
    assert path.stat().st_mode & 0o077 == 0
    assert Secrets(tmp_path).ensure("jwt.key").read_text() == path.read_text()
