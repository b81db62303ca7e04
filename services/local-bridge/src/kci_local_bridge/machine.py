# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QEMU process: started, talked to, and killed."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from pathlib import Path

from kci_shared.lab import LabError

CHUNK_BYTES = 65536


class Machine:
    """A machine whose serial line is a pipe, which QEMU's own errors go to, too."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.stopped = False
        """Whether we have powered the machine off."""

    @classmethod
    async def start(cls, command: list[str]) -> "Machine":
        """Power a machine on."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=STDOUT,
                start_new_session=True,  # Ctrl-C at our terminal must not reach QEMU
            )
        except OSError as error:
            raise LabError(f"{command[0]}: {error.strerror}") from error
        return cls(process)

    async def read(self) -> bytes:
        """Return bytes from the serial line; nothing when the machine is off."""
        assert self._process.stdout is not None
        return await self._process.stdout.read(CHUNK_BYTES)

    async def write(self, text: str) -> None:
        """Type a text; ignored if the machine is off."""
        assert self._process.stdin is not None
        with suppress(ConnectionError):
            self._process.stdin.write(text.encode())
            await self._process.stdin.drain()

    async def stop(self) -> None:
        """Power the machine off, if it is on."""
        self.stopped = True
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


async def first_line(command: list[str]) -> str:
    """Return the first line of a program's output; `LabError` if it does not run."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=STDOUT
        )
    except OSError as error:
        raise LabError(f"{command[0]}: {error.strerror}") from error
    output, _ = await process.communicate()
    line = output.decode(errors="replace").partition("\n")[0]
    if process.returncode != 0:
        raise LabError(f"{command[0]} does not run: {line}")
    return line


def kill_leftover(pid_file: Path) -> bool:
    """Kill the QEMU that wrote this file; return whether it still ran.

    The pid may have been reused: only a process with this file in its command line
    is ours.
    """
    try:
        pid = int(pid_file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return False
    if os.fsencode(pid_file.resolve()) not in words:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True
