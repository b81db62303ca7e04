# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a build runs: it sees compilers and its own folder, and nobody's secrets.

Sources are programs of strangers. In the sandbox they have no network, no other
process, no file but the system's own; without one they still get a clean environment.
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

from kci_builder.settings import Fence
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
CHUNK = 1 << 16

Hear = Callable[[bytes], None]


@dataclass(frozen=True)
class Place:
    """What a program may see of the machine beside the system."""

    folder: Path
    """Its own; it may write here alone."""
    shared: Path | None = None
    """A folder that other builds use, too."""
    may_write_shared: bool = False


class Sandbox:
    """Runs programs that strangers wrote."""

    def __init__(self, *, is_closed: bool) -> None:
        self.is_closed = is_closed
        """False: nothing but good manners keeps a build from the machine."""

    async def run(
        self, command: list[str], place: Place, hear: Hear, **variables: str
    ) -> int:
        """Run a program to its end, and hand on what it prints; return its status.

        When this is cancelled all that was started is killed.
        """
        environment = {**ENVIRONMENT, "HOME": str(place.folder), **variables}
        try:
            process = await asyncio.create_subprocess_exec(
                *(self._walls(place) if self.is_closed else _bound_to_us()),
                *command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env=environment,
                cwd=place.folder,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRun(f"{command[0]}: {error.strerror}") from error
        try:
            assert process.stdout is not None
            while chunk := await process.stdout.read(CHUNK):
                hear(chunk)
            return await process.wait()
        finally:
            await _end(process)

    def _walls(self, place: Place) -> list[str]:
        words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
        for folder in (*SYSTEM, *(f"/etc/{name}" for name in ETC)):
            words += ["--ro-bind-try", folder, folder]
        words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
        words += ["--bind", str(place.folder), str(place.folder)]
        if place.shared is not None:
            how = "--bind" if place.may_write_shared else "--ro-bind"
            words += [how, str(place.shared), str(place.shared)]
        return [*words, "--chdir", str(place.folder), "--"]


def _bound_to_us() -> list[str]:
    return ["setpriv", "--pdeathsig=KILL"]


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def choose(
    wanted: Fence, try_out: Callable[[Sandbox], Awaitable[bool]] | None = None
) -> Sandbox:
    """Return the sandbox that was asked for, as far as this machine can."""
    if wanted is Fence.NONE:
        return Sandbox(is_closed=False)
    closed = Sandbox(is_closed=True)
    if await (try_out or _works)(closed):
        return closed
    if wanted is Fence.BWRAP:
        raise ConfigError(
            "KCI_SANDBOX: bwrap does not work here; install bubblewrap, and allow user "
            "namespaces"
        )
    log.warning("no sandbox", reason="bwrap does not work here", lost="patched builds")
    return Sandbox(is_closed=False)


async def _works(sandbox: Sandbox) -> bool:
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder))
            return await sandbox.run(["true"], place, lambda _: None) == 0
    except CannotRun:
        return False
