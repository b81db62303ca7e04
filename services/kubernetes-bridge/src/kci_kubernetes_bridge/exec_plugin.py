# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a credential plugin: the program of a kubeconfig that prints a token.

What it prints is a secret: no error repeats it, and it goes to no log.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kci_kubernetes_bridge.credentials import Credential
from kci_shared.channels.sightings import NoToken

TIMEOUT_S = 30.0
GRACE_S = 2.0
"""How long a killed plugin is waited for."""
MAX_OUTPUT_BYTES = 256 * 1024


class _Status(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)

    token: Annotated[str, Field(min_length=1)]
    expiration_timestamp: AwareDatetime | None = None


class _ExecCredential(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)

    api_version: str
    kind: Literal["ExecCredential"]
    status: _Status


class CredentialPlugin:
    """Runs a plugin as kubectl does, but bounded in time and in output."""

    def __init__(self, command: list[str], env: Mapping[str, str], api: str) -> None:
        self._command = command
        self._env = env
        self._api = api

    @property
    def name(self) -> str:
        """The program, without arguments, which may hold secrets."""
        return self._command[0]

    async def run(self) -> Credential:
        """Return a new token; raises `NoToken`."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._env,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise self._failure(str(error.strerror)) from error
        try:
            async with asyncio.timeout(TIMEOUT_S):
                output = await self._output(process)
                status = await process.wait()
        except TimeoutError:
            raise self._failure(f"did not end within {TIMEOUT_S:g} s") from None
        finally:
            await _kill(process)
        if status:
            raise self._failure(f"exit status {status}")
        return self._read(output)

    async def _output(self, process: Process) -> bytes:
        assert process.stdout is not None
        try:
            await process.stdout.readexactly(MAX_OUTPUT_BYTES + 1)
        except asyncio.IncompleteReadError as ended:
            return ended.partial
        raise self._failure(f"printed more than {MAX_OUTPUT_BYTES} bytes")

    def _read(self, output: bytes) -> Credential:
        try:
            answer = _ExecCredential.model_validate_json(output)
        except ValidationError:
            raise self._failure("printed no ExecCredential with a token") from None
        if answer.api_version != self._api:
            raise self._failure(f"printed no ExecCredential of {self._api}")
        expiry = answer.status.expiration_timestamp
        return Credential(answer.status.token, expiry.timestamp() if expiry else None)

    def _failure(self, reason: str) -> NoToken:
        return NoToken(
            f"credential plugin {self.name}: {reason}; run it by hand to see why"
        )


async def _kill(process: Process) -> None:
    """Kill a plugin with all that it started; one that has ended, too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.communicate()
