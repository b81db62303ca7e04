# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cluster that is a function, and nodes for it to run."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab import Lab
from kci_shared.models import NODE, Node
from kci_shared.work import LabJob

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NODE_ID = "6501a1b2c3d4e5f601234567"
CHECKOUT_ID = "6501a1b2c3d4e5f601230000"
TARBALL = "http://s/linux.tar.gz"
JOBS = "/apis/batch/v1/namespaces/kernelci/jobs"
PODS = "/api/v1/namespaces/kernelci/pods"


@dataclass
class FakeCluster:
    """Answers as an API server does; a test plays controller and kubelet."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {JOBS: {}, PODS: {}}
    )
    logs: dict[str, bytes] = field(default_factory=dict)
    watches: list[tuple[str, asyncio.Queue[Any]]] = field(default_factory=list)
    faults: list[Any] = field(default_factory=list)
    """What the next requests get instead of an answer: a status, or an error."""
    lose_answers: int = 0
    asked: list[str] = field(default_factory=list)
    version: int = 1
    page: int = 100

    async def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        self.asked.append(f"{request.method} {path}")
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            said = "a fault"
            if isinstance(fault, str):
                fault, said = 403, fault
            return httpx.Response(fault, json={"message": said})
        if path.endswith("/log"):
            return self._log(path.split("/")[-2], query["container"])
        if query.get("watch"):
            queue: asyncio.Queue[Any] = asyncio.Queue()
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

    def _list(self, path: str, query: dict[str, str]) -> httpx.Response:
        found = list(self.objects[path].values())
        if fields := query.get("fieldSelector"):
            assert fields == "status.phase=Pending,spec.nodeName="
            found = [pod for pod in found if not pod["spec"]]
        if (select := query["labelSelector"]).startswith("job-name="):
            found = [
                pod
                for pod in found
                if f"job-name={pod['metadata']['labels']['job-name']}" == select
            ]
        first = int(query.get("continue", 0))
        last = first + min(self.page, int(query["limit"]))
        about = {"resourceVersion": str(self.version)}
        if last < len(found):
            about["continue"] = str(last)
        return httpx.Response(200, json={"metadata": about, "items": found[first:last]})

    def _create(self, body: dict[str, Any]) -> httpx.Response:
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

    def put(self, path: str, name: str, body: dict[str, Any]) -> None:
        kind = "MODIFIED" if name in self.objects[path] else "ADDED"
        self.objects[path][name] = body
        self._tell(path, kind, body)

    def _tell(self, path: str, kind: str, body: dict[str, Any]) -> None:
        self.version += 1
        for watched, queue in self.watches:
            if watched == path:
                queue.put_nowait({"type": kind, "object": body})

    def delete(self, name: str) -> None:
        if body := self.objects[JOBS].pop(name, None):
            self._tell(JOBS, "DELETED", body)
            self.logs.pop(f"{name}-x", None)
            if pod := self.objects[PODS].pop(f"{name}-x", None):
                self._tell(PODS, "DELETED", pod)

    def end_watches(self, event: Any = None) -> None:
        watches, self.watches = self.watches, []
        for _, queue in watches:
            if event:
                queue.put_nowait(event)
            queue.put_nowait(None)

    def pod(self, job: str, phase: str, log: bytes = b"", **status: Any) -> None:
        """Let a Job have a pod that is so."""
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
        ended = {"exitCode": code, "reason": reason or "Completed"}
        status = [{"name": "job", "state": {"terminated": ended}}]
        phase = "Failed" if code else "Succeeded"
        self.pod(job, phase, log, containerStatuses=status)
        kind = "Failed" if code else "Complete"
        condition = {"type": kind, "status": "True"}
        body = {**self.objects[JOBS][job], "status": {"conditions": [condition]}}
        self.put(JOBS, job, body)


async def _events(queue: asyncio.Queue[Any]) -> AsyncIterator[bytes]:
    while (event := await queue.get()) is not None:
        yield event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"


class FakeApi:
    """Knows one checkout."""

    def __init__(self) -> None:
        self.artifacts = {"tarball": TARBALL}

    async def get(self, node_id: str) -> Node:
        assert node_id == CHECKOUT_ID
        about = {"id": node_id, "kind": "checkout", "name": "checkout", "owner": "me"}
        about |= {"created": NOW, "updated": NOW}
        return NODE.validate_python({**about, "artifacts": self.artifacts})


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def fake() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def kubernetes(fake: FakeCluster) -> AsyncIterator[Kubernetes]:
    transport = httpx.MockTransport(fake.answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://k/") as http:
        yield Kubernetes(http, "kernelci")


@pytest.fixture
def lab() -> Any:
    def make(**changes: Any) -> Lab:
        platforms = {"kubernetes": {"image": "debian:bookworm"}}
        return Lab.model_validate({"platforms": platforms, **changes})

    return make


@pytest.fixture
def build(tmp_path: Path) -> Any:
    def make(**changes: Any) -> LabJob:
        asked = {"arch": "x86_64", "compiler": "gcc-12", "defconfig": "defconfig"}
        about = {"id": NODE_ID, "kind": "kbuild", "name": "build/x", "owner": "me"}
        about |= {"created": NOW, "updated": NOW, "parent": CHECKOUT_ID}
        told = {"runtime": "lab-x", "platform": "build"}
        data = {**told, "definition": {**asked, **changes}}
        node = NODE.validate_python({**about, "data": data})
        return LabJob(node, 1, tmp_path)

    return make


@pytest.fixture
def job(tmp_path: Path) -> Any:
    def make(*steps: str, node_id: str = NODE_ID, **changes: Any) -> LabJob:
        parts = (step.partition(": ") for step in steps)
        definition = {
            "artifacts": {"tarball": TARBALL},
            "tests": [{"id": name, "run": run} for name, _, run in parts],
            **changes,
        }
        data = {
            "runtime": "lab-x",
            "platform": "kubernetes",
            "definition": definition,
        }
        node = NODE.validate_python(
            {
                "id": node_id,
                "kind": "job",
                "name": "smoke",
                "owner": "me",
                "created": NOW,
                "updated": NOW,
                "data": data,
            }
        )
        folder = tmp_path / node_id
        folder.mkdir(exist_ok=True)
        return LabJob(node, 1, folder)

    return make
