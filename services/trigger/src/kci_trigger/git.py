# SPDX-License-Identifier: LGPL-2.1-or-later
"""Git as a program that is given hostile input.

It is bounded in time and size, asks nobody, and runs nothing that a repository names.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from kci_shared.errors import KciError

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
CONFIG = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.fsmonitor=false",
    "credential.helper=",
    "gc.autoDetach=false",  # whatever runs in a mirror runs under its lock
    "protocol.version=2",
    "submodule.recurse=false",
    "tar.umask=0022",
    "user.name=kernelci",
    "user.email=kernelci@localhost",
)
MOST_OUTPUT = 8 << 20
"""What git may print; a tarball goes to a file."""


class GitError(KciError):
    """Git did not do what it was asked; says why in git's words."""

    retryable = True


class GitTooSlow(GitError):
    """Git was killed because its time was over."""


class Git:
    """Runs git, with protocols that it may speak and a size that no file exceeds."""

    def __init__(self, protocols: Sequence[str], max_bytes: int) -> None:
        self._environment = {**ENVIRONMENT, "GIT_ALLOW_PROTOCOL": ":".join(protocols)}
        options = (word for setting in CONFIG for word in ("-c", setting))
        # git dies with us: after a kill -9 nobody writes into a mirror any more
        self._command = [
            *("setpriv", "--pdeathsig=KILL", "prlimit", f"--fsize={max_bytes}"),
            *("git", *options),
        ]

    async def run(
        self,
        *arguments: str,
        seconds: float,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return what git prints; raise `GitError` when it fails, or is too slow."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            stdin=PIPE if given else DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={**self._environment, **(environment or {})},
            cwd="/",
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(seconds):
                return await _talk(process, given, arguments)
        except TimeoutError:
            said = f"git {_verb(arguments)}: no answer within {seconds:g} s"
            raise GitTooSlow(said) from None
        finally:
            await _end(process)


async def _talk(process: Process, given: bytes, arguments: tuple[str, ...]) -> bytes:
    assert process.stdout is not None
    assert process.stderr is not None
    output, complaint, _ = await asyncio.gather(
        _read(process.stdout), _read(process.stderr), _give(process, given)
    )
    if status := await process.wait():
        said = complaint.decode(errors="replace").strip().splitlines()[-3:]
        reason = " ".join(" ".join(said).split())[-1000:] or f"exit status {status}"
        raise GitError(f"git {_verb(arguments)}: {reason}")
    return output


async def _read(stream: asyncio.StreamReader) -> bytes:
    chunks: list[bytes] = []
    while chunk := await stream.read(1 << 16):
        chunks.append(chunk)
        if sum(map(len, chunks)) > MOST_OUTPUT:
            raise GitError(f"git printed more than {MOST_OUTPUT} bytes")
    return b"".join(chunks)


async def _give(process: Process, given: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(ConnectionError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: Process) -> None:
    """Kill git with all that it started, if anything of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _verb(arguments: tuple[str, ...]) -> str:
    return next((word for word in arguments if word.isidentifier()), arguments[0])


def in_repository(folder: Path) -> str:
    """Return git's argument that names a repository."""
    return f"--git-dir={folder}"
