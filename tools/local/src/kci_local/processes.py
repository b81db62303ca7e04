# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that outlive their launcher: started once, found again by a pid file."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from kci_local.forkserver import ForkServer, is_python

READY_TIMEOUT_S = 60.0
"""How long a process may take to become ready."""
STOP_TIMEOUT_S = 12.0
"""How long a process may take to stop before it is killed."""


class NotReady(Exception):
    """A process died at its start, or did not become ready in time."""


@dataclass(frozen=True)
class Process:
    """One program: what to run, and how to see that it is ready."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    """Ready when something listens here..."""
    health: str | None = None
    """...or, if given, when this URL answers 200."""
    folder: Path | None = None
    """Where it runs; by default in the state folder."""


class Processes:
    """The processes of one state folder; `run/` holds pid files, `log/` the logs."""

    def __init__(self, state: Path) -> None:
        self.state = state
        for folder in ("run", "log"):
            (state / folder).mkdir(parents=True, exist_ok=True)

    def log_file(self, name: str) -> Path:
        """Return the file to which a process writes its output."""
        return self.state / "log" / f"{name}.log"

    def pid(self, name: str) -> int | None:
        """Return the pid of a process if it is alive, else None."""
        try:
            pid, started = self._pid_file(name).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _start_time(int(pid)) == started else None

    def running(self) -> list[str]:
        """List the processes that are alive, in the order of starting."""
        files = sorted(
            (self.state / "run").glob("*.pid"), key=lambda file: file.stat().st_mtime
        )
        return [file.stem for file in files if self.pid(file.stem) is not None]

    async def start(self, process: Process) -> None:
        """Start a process unless it runs already."""
        if self.pid(process.name) is not None:
            return
        start = ForkServer.ours().start if is_python(process.command) else _spawn
        env = {**_inherited(), **process.env}
        log = self.log_file(process.name)
        folder = process.folder or self.state
        pid = await asyncio.to_thread(start, process.command, env, folder, log)
        self._pid_file(process.name).write_text(f"{pid} {_start_time(pid)}")

    async def prepare(self, process: Process) -> None:
        """Do what can be done before a process is started."""
        if self.pid(process.name) is None and is_python(process.command):
            await asyncio.to_thread(ForkServer.ours().prepare, process.command)

    async def until_ready(self, process: Process) -> None:
        """Wait until a process is ready; raise `NotReady` with the end of its log."""
        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
        # plain HTTP on loopback: loading certificates would take longest
        async with httpx.AsyncClient(timeout=2, trust_env=False, verify=False) as http:  # noqa: S501
            while not await _answers(process, http):
                dead = self.pid(process.name) is None
                if dead or asyncio.get_running_loop().time() > deadline:
                    what = "died at its start" if dead else "did not become ready"
                    raise NotReady(
                        f"{process.name} {what}:\n{self._tail(process.name)}"
                    )
                await asyncio.sleep(0.1)

    async def stop(self, name: str) -> None:
        """Stop a process: SIGTERM, and SIGKILL to its whole group after a while."""
        pid = self.pid(name)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT_S
            while self.pid(name) and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.05)
        await self.kill(name)

    async def kill(self, name: str) -> None:
        """Kill a process and its children, at once, and wait until it is gone."""
        pid = self.pid(name)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            while self.pid(name) is not None:
                await asyncio.sleep(0.01)
        self._pid_file(name).unlink(missing_ok=True)

    def _pid_file(self, name: str) -> Path:
        return self.state / "run" / f"{name}.pid"

    def _tail(self, name: str) -> str:
        log = self.log_file(name)
        lines = log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([*lines, f"(all of it: {log})"])


def _spawn(command: list[str], env: dict[str, str], folder: Path, log: Path) -> int:
    """Start a program in a session of its own; it need not be waited for."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawnp(
        "env",
        ["env", f"--chdir={folder}", *command],
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _start_time(pid: int) -> str | None:
    """Return when a living process started, so that a reused pid is not ours.

    Field 22 of /proc/PID/stat, see proc(5); a zombie counts as dead.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _inherited() -> dict[str, str]:
    """Return our environment without the settings of other services."""
    return {k: v for k, v in os.environ.items() if not k.startswith("KCI_")}


async def _answers(process: Process, http: httpx.AsyncClient) -> bool:
    if process.health is not None:
        return await _is_healthy(process.health, http)
    if process.port is not None:
        return await _listens(process.port)
    return True


async def _is_healthy(url: str, http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get(url)).is_success
    except httpx.HTTPError:
        return False


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
