# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cluster that is a function, labs in it, and nodes for it to run."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from kci_fakes.api import FakeApi
from kci_kubernetes_bridge.dialect import Cluster
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab_file import Lab
from kci_kubernetes_bridge.settings import Settings
from kci_shared.models import NODE, Node
from kci_shared.work import LabJob

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NODE_ID = "6501a1b2c3d4e5f601234567"
CHECKOUT_ID = "6501a1b2c3d4e5f601230000"
TARBALL = "http://s/linux.tar.gz"
JOBS = "/apis/batch/v1/namespaces/kernelci/jobs"
PODS = "/api/v1/namespaces/kernelci/pods"

Body = dict[str, Any]
"""A JSON object."""
Fault = int | str | httpx.HTTPError
"""A status, the message of a 403, or an error of the connection."""
Event = Body | bytes | None
"""Of a watch: an object, what is no JSON, or its end."""


@dataclass
class FakeCluster:
    """Answers as an API server does; a test plays controller and kubelet."""

    objects: dict[str, dict[str, Body]] = field(
        default_factory=lambda: {JOBS: {}, PODS: {}}
    )
    logs: dict[str, bytes] = field(default_factory=dict)
    watches: list[tuple[str, asyncio.Queue[Event]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """What the next requests get instead of an answer."""
    token: str | None = None
    """The only one that is accepted; None: nobody is asked for one."""
    lose_answers: int = 0
    asked: list[str] = field(default_factory=list)
    version: int = 1
    page: int = 100

    async def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        self.asked.append(f"{request.method} {path}")
        if self.token and request.headers["Authorization"] != f"Bearer {self.token}":
            return httpx.Response(401, json={"message": "Unauthorized"})
        if self.faults:
            return self._fail(self.faults.pop(0))
        if path.endswith("/log"):
            return self._log(path.split("/")[-2], query["container"])
        if query.get("watch"):
            queue: asyncio.Queue[Event] = asyncio.Queue()
            self.watches.append((path, queue))
            return httpx.Response(200, content=_events(queue))
        if path in self.objects and request.method == "GET":
            return self._list(path, query)
        if request.method == "POST":
            return self._create(json.loads(request.content))
        name = path.rpartition("/")[2]
        if name not in self.objects[JOBS]:
            return httpx.Response(404, json={"message": "not found"})
        if request.method == "DELETE":
            assert query == {"propagationPolicy": "Background"}
            self.delete(name)
        return httpx.Response(200, json=self.objects[JOBS].get(name, {}))

    def _fail(self, fault: Fault) -> httpx.Response:
        if isinstance(fault, httpx.HTTPError):
            raise fault
        if isinstance(fault, str):
            return httpx.Response(403, json={"message": fault})
        return httpx.Response(fault, json={"message": "a fault"})

    def _list(self, path: str, query: dict[str, str]) -> httpx.Response:
        items = list(self.objects[path].values())
        if fields := query.get("fieldSelector"):
            assert fields == "status.phase=Pending,spec.nodeName="
            items = [pod for pod in items if not pod["spec"]]
        if (select := query["labelSelector"]).startswith("job-name="):
            items = [
                pod
                for pod in items
                if f"job-name={pod['metadata']['labels']['job-name']}" == select
            ]
        first = int(query.get("continue", 0))
        last = first + min(self.page, int(query["limit"]))
        about = {"resourceVersion": str(self.version)}
        if last < len(items):
            about["continue"] = str(last)
        return httpx.Response(200, json={"metadata": about, "items": items[first:last]})

    def _create(self, body: Body) -> httpx.Response:
        name = body["metadata"]["name"]
        if name in self.objects[JOBS]:
            return httpx.Response(409, json={"message": "already exists"})
        self.put(JOBS, name, {**body, "status": {}})
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(201, json=body)

    def _log(self, pod: str, container: str) -> httpx.Response:
        name = pod if container == "job" else f"{pod}/{container}"
        if name not in self.logs:
            return httpx.Response(404, json={"message": "not found"})
        return httpx.Response(200, content=self.logs[name])

    def put(self, path: str, name: str, body: Body) -> None:
        kind = "MODIFIED" if name in self.objects[path] else "ADDED"
        self.objects[path][name] = body
        self._notify(path, kind, body)

    def _notify(self, path: str, kind: str, body: Body) -> None:
        self.version += 1
        for watched, queue in self.watches:
            if watched == path:
                queue.put_nowait({"type": kind, "object": body})

    def delete(self, name: str) -> None:
        if body := self.objects[JOBS].pop(name, None):
            self._notify(JOBS, "DELETED", body)
            self.logs.pop(f"{name}-x", None)
            if pod := self.objects[PODS].pop(f"{name}-x", None):
                self._notify(PODS, "DELETED", pod)

    def end_watches(self, event: Event = None) -> None:
        watches, self.watches = self.watches, []
        for _, queue in watches:
            if event:
                queue.put_nowait(event)
            queue.put_nowait(None)

    def pod(self, job: str, phase: str, log: bytes = b"", **status: Any) -> None:
        """Let a Job have a pod in this phase."""
        name = f"{job}-x"
        if log:
            self.logs[name] = log
        about = {"name": name, "labels": {"job-name": job}}
        body = {
            "metadata": about,
            "spec": {} if phase == "Pending" else {"nodeName": "n1"},
            "status": {"phase": phase, **status},
        }
        self.put(PODS, name, body)

    def end(self, job: str, code: int = 0, log: bytes = b"", reason: str = "") -> None:
        """Let a Job's pod end, and the Job with it."""
        ended = {"exitCode": code, "reason": reason or "Completed"}
        status = [{"name": "job", "state": {"terminated": ended}}]
        phase = "Failed" if code else "Succeeded"
        self.pod(job, phase, log, containerStatuses=status)
        self.condition(job, "Failed" if code else "Complete")

    def condition(self, job: str, kind: str, reason: str = "") -> None:
        """Let a Job say that it has ended."""
        condition = {"type": kind, "status": "True", "reason": reason}
        body = {**self.objects[JOBS][job], "status": {"conditions": [condition]}}
        self.put(JOBS, job, body)


async def _events(queue: asyncio.Queue[Event]) -> AsyncIterator[bytes]:
    while (event := await queue.get()) is not None:
        yield event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"


def a_checkout(**artifacts: str) -> Node:
    """Return the checkout above all builds."""
    return _node(CHECKOUT_ID, "checkout", "checkout", artifacts=artifacts)


def _node(node_id: str, kind: str, name: str, **fields: object) -> Node:
    about = {"id": node_id, "kind": kind, "name": name, "owner": "me"}
    return NODE.validate_python({**about, "created": NOW, "updated": NOW, **fields})


def a_lab(**changes: object) -> Lab:
    platforms = {"kubernetes": {"image": "debian:bookworm"}}
    return Lab.model_validate({"platforms": platforms, **changes})


class Jobs:
    """Makes jobs and builds, as a bridge gives them to its lab."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def job(self, *steps: str, node_id: str = NODE_ID, **definition: object) -> LabJob:
        """Make a job; a step is its name and its command."""
        parts = (step.partition(": ") for step in steps)
        whole = {
            "artifacts": {"tarball": TARBALL},
            "tests": [{"id": name, "run": run} for name, _, run in parts],
            **definition,
        }
        data = {"runtime": "lab-x", "platform": "kubernetes", "definition": whole}
        folder = self._folder / node_id
        folder.mkdir(exist_ok=True)
        return LabJob(_node(node_id, "job", "smoke", data=data), 1, folder)

    def build(self, **definition: object) -> LabJob:
        """Make a build below the checkout."""
        asked = {"arch": "x86_64", "compiler": "gcc-12", "defconfig": "defconfig"}
        data = {
            "runtime": "lab-x",
            "platform": "build",
            "definition": {**asked, **definition},
        }
        node = _node(NODE_ID, "kbuild", "build/x", parent=CHECKOUT_ID, data=data)
        return LabJob(node, 1, self._folder)


class Clusters:
    """Starts bridges' views of the one cluster; several may serve it."""

    def __init__(
        self, kubernetes: Kubernetes, api: FakeApi, lives: AsyncExitStack
    ) -> None:
        self._kubernetes = kubernetes
        self._api = api
        self._lives = lives

    async def start(self, **changes: object) -> Cluster:
        settings = Settings(
            api_url="http://a",
            token="t",
            storage_url="http://s",
            lab=Path("unused"),
            runtime="lab-x",
        )
        cluster = Cluster(a_lab(**changes), self._kubernetes, self._api, settings)
        await self._lives.enter_async_context(cluster.watch.running())
        return cluster


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)
