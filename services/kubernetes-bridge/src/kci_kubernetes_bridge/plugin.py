# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a credential plugin: the program of a kubeconfig that prints a token.

What it prints is a secret: no error repeats it, and it goes to no log.
"""

import asyncio
import base64
import json
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kci_kubernetes_bridge.credentials import Credential, NoCredentials
from kci_kubernetes_bridge.kubeconfig import ExecConfig, Selection
from kci_shared.errors import ConfigError

TIMEOUT_S = 30.0
GRACE_S = 2.0
"""How long a killed plugin is waited for."""
MAX_OUTPUT_BYTES = 256 * 1024
CLUSTER_CONFIG = "client.authentication.k8s.io/exec"
"""The extension of a kubeconfig's cluster that plugins are given."""
OWN_SETTINGS = "KCI_"
"""The prefix of the bridge's own variables, one of which holds its token."""


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
        """Return a new token; raises `NoCredentials`."""
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

    def _failure(self, reason: str) -> NoCredentials:
        return NoCredentials(
            f"credential plugin {self.name}: {reason}; run it by hand to see why"
        )


async def _kill(process: Process) -> None:
    """Kill a plugin with all that it started; one that has ended, too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.communicate()


def open_plugin(
    config: ExecConfig, selected: Selection, env: Mapping[str, str]
) -> CredentialPlugin:
    """Prepare a plugin; raises `ConfigError` if its program is not installed."""
    named = config.command
    path = str(selected.folder / named) if "/" in named else named
    program = shutil.which(path, path=env.get("PATH"))
    if program is None:
        hint = " ".join((config.install_hint or "install it").split())
        raise ConfigError(f"credential plugin {named}: not installed; {hint}")
    inherited = {n: v for n, v in env.items() if not n.startswith(OWN_SETTINGS)}
    own = {one.name: one.value for one in config.env}
    info = {"KUBERNETES_EXEC_INFO": json.dumps(_exec_info(config, selected))}
    return CredentialPlugin(
        [program, *config.args], {**inherited, **own, **info}, config.api_version
    )


def _exec_info(config: ExecConfig, selected: Selection) -> dict[str, Any]:
    """Return the value of KUBERNETES_EXEC_INFO."""
    spec: dict[str, Any] = {"interactive": False}
    if config.provide_cluster_info:
        spec["cluster"] = _cluster_info(selected)
    return {"apiVersion": config.api_version, "kind": "ExecCredential", "spec": spec}


def _cluster_info(selected: Selection) -> dict[str, Any]:
    cluster = selected.cluster
    authority = selected.pem(
        cluster.certificate_authority_data, cluster.certificate_authority
    )
    configs = [e.extension for e in cluster.extensions if e.name == CLUSTER_CONFIG]
    return {
        "server": cluster.server,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "config": configs[0] if configs else None,
    }
