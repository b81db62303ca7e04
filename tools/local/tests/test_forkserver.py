# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that are forked from a process which has imported them."""

import asyncio
from pathlib import Path

import pytest

from kci_local.forkserver import PYTHON, ForkServer, is_python
from kci_local.processes import Process, Processes

SCHEDULER = str(PYTHON.parent / "kci-scheduler")


async def output_of(processes: Processes, *command: str, **env: str) -> str:
    processes.log_file("program").unlink(missing_ok=True)
    await processes.start(Process("program", list(command), env=env))
    while processes.pid("program"):
        await asyncio.sleep(0.01)
    return processes.log_file("program").read_text()


@pytest.mark.parametrize(
    ("command", "is_ours"),
    [
        ([SCHEDULER], True),
        ([str(PYTHON), "-m", "kci_fakes.smtp_sink"], True),
        ([str(PYTHON), "-m", "uvicorn"], False),
        ([str(PYTHON), "program.py"], False),
        ([str(PYTHON.parent / "python3")], False),
        (["redis-server"], False),
    ],
)
def test_the_fork_server_runs_scripts_and_modules_of_ours(
    command: list[str], is_ours: bool
) -> None:
    assert is_python(command) is is_ours


async def test_a_script_becomes_a_process_of_its_own(tmp_path: Path) -> None:
    output = await output_of(Processes(tmp_path), SCHEDULER, "--help")
    assert output.startswith("kci-scheduler: ")


async def test_a_module_gets_its_arguments(tmp_path: Path) -> None:
    module = [str(PYTHON), "-m", "kci_fakes.smtp_sink"]
    output = await output_of(Processes(tmp_path), *module, "--port", "1")
    assert "required: --maildir" in output


async def test_only_its_own_environment_reaches_it(tmp_path: Path) -> None:
    """The program names the setting that is wrong."""
    output = await output_of(Processes(tmp_path), SCHEDULER, KCI_HEALTH_PORT="no-port")
    assert "KCI_HEALTH_PORT" in output.upper()
    output = await output_of(Processes(tmp_path), SCHEDULER, KCI_LEASE="no-number")
    assert "KCI_HEALTH_PORT" not in output.upper()


async def test_what_cannot_be_imported_says_so_in_its_own_log(tmp_path: Path) -> None:
    module = [str(PYTHON), "-m", "kci_local.there_is_no_such"]
    output = await output_of(Processes(tmp_path), *module)
    assert "No module named kci_local.there_is_no_such" in output


def test_each_request_is_answered_with_a_pid_of_its_own(tmp_path: Path) -> None:
    server = ForkServer.ours()
    pids = {
        server.start([SCHEDULER, "--help"], {}, tmp_path, tmp_path / "log")
        for _ in range(3)
    }
    assert len(pids) == 3
