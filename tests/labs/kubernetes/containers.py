# SPDX-License-Identifier: LGPL-2.1-or-later
"""The containers of a simulated node: local processes, their folders, their logs."""

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
    """Return a pod's containers in the order in which they start."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def expand(text: str, env: dict[str, str]) -> str:
    """Expand `$(NAME)` as a kubelet does; `$$` is a dollar."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return env.get(match[1], match[0])

    return re.sub(r"\$\$|\$\((\w+)\)", value, text)


class Containers:
    """Starts the commands of containers, and keeps their output."""

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
            # a volume is a folder elsewhere: there is no other file system
            env[variable["name"]] = expand(str(folders.get(value, value)), env)
        words = [*container.get("command", []), *container.get("args", [])]
        command = [expand(word, env) for word in words] or ENTRYPOINT
        log = self.log(pod["metadata"]["name"], container["name"])
        with log.open("wb") as file:
            return await asyncio.create_subprocess_exec(
                *command, env=env, stdout=file, stderr=file,
                cwd=self._folder, start_new_session=True,
            )  # fmt: skip

    async def _value(self, pod: Pod, variable: dict[str, Any]) -> str | None:
        """Return a variable's value, from a Secret if it names one."""
        if "valueFrom" not in variable:
            value: str = variable.get("value", "")
            return value
        key = variable["valueFrom"]["secretKeyRef"]
        namespace = path_of(pod).partition("/pods/")[0]
        answer = await self._client.get(f"{namespace}/secrets/{key['name']}")
        data = answer.json().get("data", {}).get(key["key"])
        return None if data is None else base64.b64decode(data).decode()

    def log(self, pod: str, container: str) -> Path:
        return self._folder / f"{pod}.{container}.log"
