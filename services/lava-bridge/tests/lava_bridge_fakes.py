# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LAVA in memory, bridges to it, and nodes for it to run."""

import io
import json
import re
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from starlette.applications import Starlette
from starlette.routing import Route

from kci_fakes.jobs import NOW, a_job_node
from kci_lava_bridge.answers import Health
from kci_lava_bridge.dialect import LavaLab
from kci_lava_bridge.lab_file import Lab
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.log import LogFacts, LogReader
from kci_lava_bridge.results import Case, read_cases
from kci_lava_bridge.settings import Settings
from kci_lava_bridge.translate import JobResults
from kci_shared.models import Node
from kci_shared.work import LabJob

RUNTIME = "lab-x"
NODE_ID = "6501a1b2c3d4e5f601234567"


def a_node(node_id: str = NODE_ID, platform: str = "qemu", **data: Any) -> Node:
    """Return a job's node that boots QEMU."""
    artifacts = {"kernel": "http://s/Image", "ramdisk": "http://s/r.cpio.gz"}
    data = {"definition": {"artifacts": artifacts}, **data}
    return a_job_node(node_id, runtime=RUNTIME, platform=platform, **data)


def a_lab(folder: Path, **changes: Any) -> Lab:
    (folder / "token").write_text("lava-token\n")
    qemu = {"type": "qemu", "boot": "qemu", "arguments": "console=ttyS0,115200"}
    fields = {
        "url": "http://lava",
        "token_file": "token",
        "devices": {"qemu": {**qemu, "context": {"arch": "x86_64"}}},
    }
    return Lab.model_validate({**fields, **changes}, context=folder)


def read_log(lines: Iterable[bytes], cases: Iterable[Case] = ()) -> LogFacts:
    reader = LogReader(io.StringIO(), cases)
    for line in lines:
        reader.feed(line)
    return reader.facts


def a_run(health: str, results: list[str | bytes], log: bytes) -> JobResults:
    cases = read_cases(results)
    facts = read_log(log.splitlines(), cases)
    return JobResults(1, Health(health), cases, facts)


@dataclass
class FakeJob:
    id: int
    definition: str
    state: str = "Submitted"
    health: str = "Unknown"
    submitter: str = "kernelci"
    start_time: str | None = None
    results: bytes = b""
    log: bytes = b""
    suites: list[str] = field(default_factory=list)

    def described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "state": self.state,
            "health": self.health,
            "submitter": self.submitter,
            "actual_device": "qemu-01",
            "start_time": self.start_time,
            "definition": self.definition,
        }


@dataclass
class FakeLava:
    """Answers as LAVA's REST API does."""

    jobs: dict[int, FakeJob] = field(default_factory=dict)
    down: bool = False
    is_other: bool = False
    """It is some page that says hello to everybody."""
    lose_answers: int = 0
    """How many submissions are taken without an answer."""
    is_denied: bool = False
    """It does not accept our token."""
    errors: int = 0
    """How many submissions are answered by HTTP 500."""
    refuse: str | None = None
    stuck: bool = False
    """It never gets a job cancelled."""
    guarded: set[int] = field(default_factory=set)
    """Jobs that we may not cancel."""
    devices: list[dict[str, Any]] = field(default_factory=list)
    workers: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    now: datetime = NOW

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        if self.down:
            raise httpx.ConnectError("connection refused")
        if self.is_denied:
            return httpx.Response(403, json={"detail": "Invalid token."})
        if self.is_other:
            return httpx.Response(200, text="<html>Hello</html>")
        path = request.url.path.removeprefix("/api/v0.2/")
        if request.method == "POST" and path == "jobs/":
            return self._submit(json.loads(request.content)["definition"])
        if match := re.fullmatch(r"jobs/(\d+)/(\w+)/", path):
            return self._about(int(match[1]), match[2])
        return self._list(path, dict(request.url.params))

    def _submit(self, definition: str) -> httpx.Response:
        if self.errors:
            self.errors -= 1
            return httpx.Response(500, text="<html>")
        if self.refuse:
            return httpx.Response(400, json={"message": self.refuse})
        fields = yaml.safe_load(definition)
        parts = fields.get("protocols", {}).get("lava-multinode", {}).get("roles", {})
        first = len(self.jobs) + 1
        for number, role in enumerate(parts or [None], first):
            part = dict(fields)
            if role:
                multinode = {"role": role, "target_group": f"g{first}"}
                part["protocols"] = {"lava-multinode": multinode}
            self.jobs[number] = FakeJob(number, yaml.safe_dump(part))
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadTimeout("no answer")
        ids = [f"{first}.{n}" for n in range(len(parts))] if parts else [first]
        return httpx.Response(201, json={"message": "ok", "job_ids": ids})

    def _about(self, job_id: int, what: str) -> httpx.Response:
        job = self.jobs.get(job_id)
        if job is None:
            return httpx.Response(404, json={"detail": "Not found."})
        if what == "cancel":
            if job_id in self.guarded:
                return httpx.Response(403, json={"detail": "not yours"})
            self.cancelled.append(job_id)
            if job.state != "Finished":
                job.state = "Canceling" if self.stuck else "Finished"
                job.health = "Unknown" if self.stuck else "Canceled"
            return httpx.Response(200, json={"message": "Job cancel signal sent."})
        if what == "suites":
            suites = [{"id": n, "name": name} for n, name in enumerate(job.suites)]
            return httpx.Response(200, json={"results": suites})
        content = job.log if what == "logs" else job.results
        return httpx.Response(200 if content else 404, content=content)

    def _list(self, path: str, query: dict[str, str]) -> httpx.Response:
        if path == "system/whoami/":
            return httpx.Response(200, json={"user": "kernelci"})
        lists: dict[str, list[Any]] = {
            "devices/": self.devices,
            "workers/": self.workers,
            "aliases/": [{"name": "alias", "device_type": "qemu"}],
            "tags/": [{"id": 1, "name": "tcg"}],
            "jobs/": [job.described() for job in self._select(query)],
        }
        entries = lists[path]
        date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        body = {"count": len(entries), "results": entries}
        return httpx.Response(200, json=body, headers={"Date": date})

    def _select(self, query: dict[str, str]) -> list[FakeJob]:
        jobs = list(self.jobs.values())
        if ids := query.get("id__in"):
            jobs = [job for job in jobs if str(job.id) in ids.split(",")]
        if state := query.get("state"):
            jobs = [job for job in jobs if job.state == state]
        if start := query.get("description__startswith"):
            jobs = [
                j
                for j in jobs
                if yaml.safe_load(j.definition)["job_name"].startswith(start)
            ]
        return jobs if query.get("ordering") != "-id" else jobs[::-1]

    @property
    def looks(self) -> int:
        """How often jobs were queried."""
        return self.requests.count("GET /api/v0.2/jobs/")

    def finish(self, job_id: int, health: str = "Complete", **content: bytes) -> None:
        job = self.jobs[job_id]
        job.state, job.health = "Finished", health
        job.results, job.log = content.get("results", b""), content.get("log", b"")

    def start(self, job_id: int, seconds_ago: float) -> None:
        self.jobs[job_id].state = "Running"
        started = self.now - timedelta(seconds=seconds_ago)
        self.jobs[job_id].start_time = started.isoformat()


class Labs:
    """Dialects of bridges to one LAVA; several may be alive at a time."""

    def __init__(self, lava: Lava, folder: Path, alive: AsyncExitStack) -> None:
        self._lava = lava
        self._folder = folder
        self._alive = alive

    async def start(self, **changes: Any) -> LavaLab:
        """Start a dialect, whose lab's file has some changes."""
        settings = Settings(
            api_url="http://a",
            token="t",
            storage_url="http://s",
            lab=Path("unused"),
            runtime=RUNTIME,
        )
        lab = a_lab(self._folder, **{"poll": 0.02, "callback": "http://b", **changes})
        dialect = LavaLab(lab, self._lava, settings)
        await self._alive.enter_async_context(dialect.watch.running())
        return dialect

    def job(self, node_id: str = NODE_ID, attempt: int = 1, **data: Any) -> LabJob:
        """Return a job; all runs of a node have one folder."""
        folder = self._folder / node_id
        folder.mkdir(exist_ok=True)
        return LabJob(a_node(node_id, **data), attempt, folder)


async def call(lab: LavaLab, node_id: str, token: str, body: bytes) -> httpx.Response:
    """Call the bridge back, as LAVA does."""
    path = "/callback/{runtime}/{node_id}"
    app = Starlette(routes=[Route(path, lab.callbacks.on_call, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as http:
        headers = {"Authorization": token}
        url = lab.callbacks.path(node_id)
        return await http.post(url, content=body, headers=headers)
