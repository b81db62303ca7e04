# SPDX-License-Identifier: LGPL-2.1-or-later
"""A simulated node: it runs the commands of containers as local processes.

    python -m labs.kubernetes.node URL TOKEN FOLDER PORT

It binds pods to itself, reports their status as a kubelet does, and serves their logs.
There are no images: the name of an image `fate/...` says how its container ends.
"""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from labs.kubernetes.containers import Containers, Pod, containers_of, path_of

NAME = "node-1"
MERGE = {"Content-Type": "application/merge-patch+json"}
POLL_S = 0.2
WAITING = {
    "fate/missing": "ImagePullBackOff",
    "fate/unknown": "ErrImagePull",
    "fate/misnamed": "InvalidImageName",
    "fate/unset": "CreateContainerConfigError",
    "fate/uncreated": "CreateContainerError",
    "fate/unrun": "RunContainerError",
}
ENDED = {"fate/oom": "OOMKilled", "fate/cannot": "ContainerCannotRun"}
LOST = {
    "fate/evicted": "Evicted",
    "fate/preempted": "Preempting",
    "fate/shutdown": "Shutdown",
    "fate/refused": "UnexpectedAdmissionError",
}
INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
STATUSES = {
    "initContainers": "initContainerStatuses",
    "containers": "containerStatuses",
}
States = dict[str, dict[str, Any]]
"""The states of containers, by name."""


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Node:
    """One machine of a cluster."""

    def __init__(self, client: httpx.AsyncClient, folder: Path) -> None:
        self._client = client
        self._containers = Containers(client, folder)
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._deleted: set[str] = set()

    async def register(self, port: int) -> None:
        """Register this machine with the cluster."""
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}
        await self._client.post("/api/v1/nodes", json=body)
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        path = f"/api/v1/nodes/{NAME}/status"
        answer = await self._client.patch(path, json={"status": status}, headers=MERGE)
        answer.raise_for_status()

    async def serve(self) -> None:
        """Run every pod that waits for a machine."""
        query = {"fieldSelector": "spec.nodeName="}
        while True:
            with suppress(httpx.TransportError, KeyError, ValueError):
                pods = (await self._client.get("/api/v1/pods", params=query)).json()
                for pod in pods["items"]:
                    uid = pod["metadata"]["uid"]
                    if uid not in self._runs:
                        self._runs[uid] = asyncio.create_task(self._run(pod))
            await asyncio.sleep(POLL_S)

    async def _run(self, pod: Pod) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod["metadata"]["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NAME},
        }
        await self._send("POST", f"{path_of(pod)}/binding", json=binding)
        first = containers_of(pod)[0]
        image = first["image"]
        if image in WAITING:
            why = {"reason": WAITING[image], "message": f"of {image}"}
            await self._report(pod, "Pending", {first["name"]: {"waiting": why}})
        elif image in LOST and image != "fate/evicted":
            await self._report(pod, "Failed", {}, reason=LOST[image], message="so")
        else:
            await self._contain(pod)

    async def _contain(self, pod: Pod) -> None:
        """Run a pod's containers, one after the other, until one fails."""
        states: States = {}
        inits = pod["spec"].get("initContainers", [])
        more: dict[str, str] = {}
        for container in containers_of(pod):
            started, name = now(), container["name"]
            process = await self._containers.launch(pod, container)
            if process is None:
                why = {"reason": "CreateContainerConfigError", "message": "no secret"}
                await self._report(pod, "Pending", states | {name: {"waiting": why}})
                return
            states[name] = {"running": {"startedAt": started}}
            phase = "Pending" if container in inits else "Running"
            await self._report(pod, phase, states, startTime=started)
            ended, more = await self._end(pod, container, process)
            states[name] = {"terminated": ended}
            if ended["exitCode"] or more:
                break
        is_bad = more or any(s["terminated"]["exitCode"] for s in states.values())
        await self._report(pod, "Failed" if is_bad else "Succeeded", states, **more)
        if pod["metadata"]["uid"] in self._deleted:
            await self._send("DELETE", path_of(pod), json={"gracePeriodSeconds": 0})

    async def _end(
        self, pod: Pod, container: dict[str, Any], process: asyncio.subprocess.Process
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Wait until a container ends, or kill it; return its state, and the pod's."""
        image, more = container["image"], {}
        watcher = asyncio.create_task(self._kill_when_deleted(pod, process))
        try:
            async with asyncio.timeout(pod["spec"].get("activeDeadlineSeconds")):
                code = await process.wait()
        except TimeoutError:
            code = await self._kill(process)
            more = {"reason": "DeadlineExceeded", "message": "active too long"}
        if image in LOST:
            more = {"reason": LOST[image], "message": "memory"}
        code = 137 if code < 0 or image in ENDED else code
        reason = ENDED.get(image) or ("Error" if code else "Completed")
        watcher.cancel()
        ended = {"exitCode": code, "reason": reason, "finishedAt": now()}
        return ended, more

    async def _kill(self, process: asyncio.subprocess.Process) -> int:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return await process.wait()

    async def _kill_when_deleted(
        self, pod: Pod, process: asyncio.subprocess.Process
    ) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            answer = await self._send("GET", path_of(pod))
            about = answer.json().get("metadata", {})
            if answer.status_code == 404 or about.get("deletionTimestamp"):
                self._deleted.add(pod["metadata"]["uid"])
                await self._kill(process)
                return

    async def _report(self, pod: Pod, phase: str, states: States, **more: Any) -> None:
        status: dict[str, Any] = {"phase": phase, **more}
        for kind, key in STATUSES.items():
            status[key] = [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "restartCount": 0,
                    "ready": phase == "Running",
                    "state": states.get(container["name"], INITIALIZING),
                }
                for container in pod["spec"].get(kind, [])
            ]
        await self._send(
            "PATCH", f"{path_of(pod)}/status", json={"status": status}, headers=MERGE
        )

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request until the API server answers, as a kubelet does."""
        while True:
            try:
                answer = await self._client.request(method, path, **request)
            except httpx.TransportError:
                pass
            else:
                if not answer.is_server_error:
                    return answer
            await asyncio.sleep(POLL_S)

    async def serve_log(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer /containerLogs/NAMESPACE/POD/CONTAINER, as HTTP/1.1."""
        request = (await reader.readline()).decode().split()
        while (await reader.readline()).strip():
            pass
        parts = request[1].partition("?")[0].split("/")
        log = self._containers.log(parts[3], parts[4]) if len(parts) > 4 else None
        if log is not None and log.exists():
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            writer.write(log.read_bytes())
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


def make_certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for the port of logs; the API server does not check it."""
    key, chain = folder / "node.key", folder / "node.crt"
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9"
    )
    where = ["-subj", f"/CN={NAME}", "-keyout", str(key), "-out", str(chain)]
    subprocess.run([*make.split(), *where], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


async def main(url: str, token: str, folder: Path, port: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {token}"},
        verify=False, timeout=30, trust_env=False,  # noqa: S501 - on loopback
    ) as client:  # fmt: skip
        node = Node(client, folder)
        tls = make_certificate(folder)
        await asyncio.start_server(node.serve_log, "127.0.0.1", port, ssl=tls)
        await node.register(port)
        await node.serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
