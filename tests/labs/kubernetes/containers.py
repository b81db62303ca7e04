# SPDX-License-Identifier: LGPL-2.1-or-later
"""The containers of a pretended node: local processes, their folders, their logs."""

import asyncio
import base64
import os
import re
import sys
from pathlib import Path
from typing import Any

import httpx

ENTRYPOINT = ["/bin/sh", "-c", "echo no command; exit ${KCI_ARTIFACT_EXIT:-0}"]
Pod = dict[str, Any]


def path_of(pod: Pod) -> str:
    about = pod["metadata"]
    return f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}"


def containers_of(pod: Pod) -> list[dict[str, Any]]:
    """List a pod's containers in the order in which they begin."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def filled(text: str, env: dict[str, str]) -> str:
    """Fill in `$(NAME)`; `$$` is a dollar."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return env.get(match[1], match[0])

    return re.sub(r"\$\$|\$\((\w+)\)", value, text)


class Containers:
    """Starts what pods say, and keeps what it writes."""

    def __init__(self, client: httpx.AsyncClient, folder: Path) -> None:
        self._client = client
        self._folder = folder

    async def launch(
        self, pod: Pod, container: dict[str, Any]
    ) -> asyncio.subprocess.Process | None:
        """Start a container's command; None where a secret is missing."""
        folders = {
            mount["mountPath"]: self._folder
            / f"{pod['metadata']['name']}.{mount['name']}"
            for mount in container.get("volumeMounts", [])
        }
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for variable in container.get("env", []):
            value = await self._value(pod, variable)
            if value is None:
                return None
            # there is no other file system: what is mounted is elsewhere
            env[variable["name"]] = filled(str(folders.get(value, value)), env)
        told = [*container.get("command", []), *container.get("args", [])]
        command = [filled(word, env) for word in told] or ENTRYPOINT
        log = self.log(pod["metadata"]["name"], container["name"])
        with log.open("wb") as file:
            return await asyncio.create_subprocess_exec(
                *command, env=env, stdout=file, stderr=file,
                cwd=self._folder, start_new_session=True,
            )  # fmt: skip

    async def _value(self, pod: Pod, variable: dict[str, Any]) -> str | None:
        """Return what a variable is, from a Secret if it says so."""
        if "valueFrom" not in variable:
            value: str = variable.get("value", "")
            return value
        wanted = variable["valueFrom"]["secretKeyRef"]
        where = path_of(pod).partition("/pods/")[0]
        found = await self._client.get(f"{where}/secrets/{wanted['name']}")
        data = found.json().get("data", {}).get(wanted["key"])
        return None if data is None else base64.b64decode(data).decode()

    def log(self, pod: str, container: str) -> Path:
        return self._folder / f"{pod}.{container}.log"
