# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the programs of a build, which strangers wrote.

In the sandbox they have no network, see no other process, and no file but those of the
system and their own. Without one they still get an environment without secrets.
"""

import asyncio
import os
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from kci_builder.settings import SandboxMode
from kci_shared.errors import ConfigError
from kci_shared.logging import get_logger
from kci_shared.work import CannotRun

log = get_logger(__name__)

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "passwd", "group")
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "KBUILD_BUILD_USER": "kernelci",
    "KBUILD_BUILD_HOST": "kernelci",
}
CHUNK_BYTES = 1 << 16

OnOutput = Callable[[bytes], None]


@dataclass(frozen=True)
class Mounts:
    """The folders that a program sees beside those of the system."""

    folder: Path
    """Its own, which it may write."""
    shared: Path | None = None
    """One that other builds use, too."""
    may_write_shared: bool = False


class Sandbox:
    """Runs programs, isolated from this machine or not."""

    def __init__(self, *, is_isolated: bool) -> None:
        self.is_isolated = is_isolated
        """False: a program can read what the builder's user can read."""

    async def run(
        self, command: list[str], mounts: Mounts, output: OnOutput, **variables: str
    ) -> int:
        """Run a program, pass its output on, and return its exit status.

        All its processes are killed at the end, and when this is cancelled. Raises
        `CannotRun` if the program cannot be started.
        """
        environment = {**ENVIRONMENT, "HOME": str(mounts.folder), **variables}
        try:
            process = await asyncio.create_subprocess_exec(
                *(_bubblewrap(mounts) if self.is_isolated else _bound_to_us()),
                *command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env=environment,
                cwd=mounts.folder,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRun(f"{command[0]}: {error.strerror}") from error
        try:
            assert process.stdout is not None
            while chunk := await process.stdout.read(CHUNK_BYTES):
                output(chunk)
            return await process.wait()
        finally:
            await _kill(process)


def _bubblewrap(mounts: Mounts) -> list[str]:
    """Return the command that runs another one in namespaces of its own."""
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    for folder in (*SYSTEM, *(f"/etc/{name}" for name in ETC)):
        words += ["--ro-bind-try", folder, folder]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
    words += ["--bind", str(mounts.folder), str(mounts.folder)]
    if mounts.shared is not None:
        bind = "--bind" if mounts.may_write_shared else "--ro-bind"
        words += [bind, str(mounts.shared), str(mounts.shared)]
    return [*words, "--chdir", str(mounts.folder), "--"]


def _bound_to_us() -> list[str]:
    """Return the command that runs another one until this process ends."""
    return ["setpriv", "--pdeathsig=KILL"]


async def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def choose(
    mode: SandboxMode, try_out: Callable[[Sandbox], Awaitable[bool]] | None = None
) -> Sandbox:
    """Return the sandbox of a mode; `auto` takes what works on this machine.

    Raises `ConfigError` if bubblewrap is required and does not work.
    """
    isolated = Sandbox(is_isolated=True)
    if mode is not SandboxMode.NONE and await (try_out or works)(isolated):
        return isolated
    match mode:
        case SandboxMode.BWRAP:
            raise ConfigError(
                "KCI_SANDBOX: bwrap does not work here; install bubblewrap, and allow "
                "user namespaces"
            )
        case SandboxMode.AUTO:
            reason = "bwrap does not work here"
            log.warning("no sandbox", reason=reason, lost="patched builds")
        case SandboxMode.NONE:
            pass
        case _:
            assert_never(mode)
    return Sandbox(is_isolated=False)


async def works(sandbox: Sandbox) -> bool:
    """Return whether a sandbox can run a program on this machine."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            mounts = Mounts(Path(folder))
            return await sandbox.run(["true"], mounts, lambda _: None) == 0
    except CannotRun:
        return False
