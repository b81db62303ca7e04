# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run git on untrusted repositories.

git is limited in time and in the size of files, never prompts, and runs no program that
a repository configures.
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
MOST_OUTPUT_BYTES = 8 << 20
"""How much git may print; tarballs are written to files."""


class GitError(KciError):
    """Git failed; the message is git's own."""

    retryable = True


class GitTooSlow(GitError):
    """Git was killed because it exceeded its time limit."""


class Git:
    """Runs git with a list of allowed protocols and a limit on the size of files."""

    def __init__(self, protocols: Sequence[str], max_bytes: int) -> None:
        self._environment = {**ENVIRONMENT, "GIT_ALLOW_PROTOCOL": ":".join(protocols)}
        options = (word for setting in CONFIG for word in ("-c", setting))
        # git dies with this process: after a kill -9 nothing writes to a mirror
        self._command = [
            *("setpriv", "--pdeathsig=KILL", "prlimit", f"--fsize={max_bytes}"),
            *("git", *options),
        ]

    async def run(
        self,
        *arguments: str,
        seconds: float,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run a command; return its output.

        Raises `GitError` if it fails, and `GitTooSlow` after `seconds`.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            stdin=PIPE if stdin else DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={**self._environment, **(environment or {})},
            cwd="/",
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(seconds):
                return await _talk(process, stdin, arguments)
        except TimeoutError:
            message = f"git {_verb(arguments)}: no answer within {seconds:g} s"
            raise GitTooSlow(message) from None
        finally:
            await _end(process)


async def _talk(process: Process, stdin: bytes, arguments: tuple[str, ...]) -> bytes:
    assert process.stdout is not None
    assert process.stderr is not None
    output, complaint, _ = await asyncio.gather(
        _read(process.stdout), _read(process.stderr), _give(process, stdin)
    )
    if status := await process.wait():
        last = complaint.decode(errors="replace").strip().splitlines()[-3:]
        reason = " ".join(" ".join(last).split())[-1000:] or f"exit status {status}"
        raise GitError(f"git {_verb(arguments)}: {reason}")
    return output


async def _read(stream: asyncio.StreamReader) -> bytes:
    chunks: list[bytes] = []
    while chunk := await stream.read(1 << 16):
        chunks.append(chunk)
        if sum(map(len, chunks)) > MOST_OUTPUT_BYTES:
            raise GitError(f"git printed more than {MOST_OUTPUT_BYTES} bytes")
    return b"".join(chunks)


async def _give(process: Process, stdin: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(ConnectionError):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: Process) -> None:
    """Kill git and all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _verb(arguments: tuple[str, ...]) -> str:
    return next((word for word in arguments if word.isidentifier()), arguments[0])


def in_repository(folder: Path) -> str:
    """Return git's argument that names a repository."""
    return f"--git-dir={folder}"
