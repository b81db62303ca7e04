# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mixed load of writers, which record what the API acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

PAUSE_S = 0.05
RETRIED = {429, 500, 502, 503, 504}
"""Status codes after which clients repeat a request."""
LEASE_S = 5
REVISION = {"tree": "t", "url": "https://t", "branch": "b", "commit": "c"}


@dataclass
class Notes:
    """What was acknowledged, and so must exist at the end."""

    versions: set[tuple[str, int]] = field(default_factory=set)
    """Each node and version in an answer to a write."""
    data: dict[tuple[str, str], int] = field(default_factory=dict)
    """Values written to the data of nodes, by node and key."""
    keys: dict[str, str] = field(default_factory=dict)
    """The node of each idempotency key."""
    done: dict[str, str] = field(default_factory=dict)
    """The result of a node that was acknowledged as done, by the id of its event."""
    unsure: int = 0
    """How many requests got no answer and cannot be repeated."""
    refused: int = 0
    server_errors: list[str] = field(default_factory=list)
    """Server errors other than 503: the API may be down, but must not fail."""


class Writer:
    """One of several writers, which write to any replica."""

    def __init__(
        self, number: int, random: Random, apis: list[httpx.AsyncClient], notes: Notes
    ) -> None:
        self._name = f"w{number}"
        self._random = random
        self._apis = apis
        self._notes = notes
        self._count = 0

    async def write(self, nodes: list[str], stop: asyncio.Event) -> None:
        """Write at random to nodes that all writers share, until `stop` is set."""
        steps: list[Callable[[list[str]], Awaitable[None]]] = [
            self._create,
            self._create_once,
            self._create_many,
            self._merge,
            self._merge,
            self._merge,
            self._end,
            self._put_tree,
            self._run_job,
        ]
        while not stop.is_set():
            self._count += 1
            await self._random.choice(steps)(nodes)
            await asyncio.sleep(PAUSE_S)

    async def _create(self, nodes: list[str]) -> None:
        """Create a node without an idempotency key."""
        answer = await self._once("POST", "/node", self._checkout())
        if answer is not None and answer.is_success:
            self._note(answer.json())
            nodes.append(answer.json()["id"])

    async def _create_once(self, nodes: list[str]) -> None:
        key = f"{self._name}/{self._count}"
        body = {**self._checkout(), "idempotency_key": key}
        (node,) = await self._sent("POST", "/node", body)
        self._notes.keys[key] = node["id"]

    async def _create_many(self, nodes: list[str]) -> None:
        parent = self._random.choice(nodes)
        keys = [f"{self._name}/{self._count}/{n}" for n in range(4)]
        bodies = [
            {"kind": "process", "name": "x", "parent": parent, "idempotency_key": key}
            for key in keys
        ]
        created = await self._sent("POST", "/nodes", bodies)
        self._notes.keys |= {node["idempotency_key"]: node["id"] for node in created}

    async def _merge(self, nodes: list[str]) -> None:
        node, key = self._random.choice(nodes[-20:]), f"{self._name}_{self._count}"
        body = {"data": {key: self._count}}
        if await self._sent("PATCH", f"/node/{node}", body):
            self._notes.data[node, key] = self._count

    async def _end(self, nodes: list[str]) -> None:
        node, result = self._random.choice(nodes), self._random.choice(["pass", "fail"])
        body = {"state": "done", "result": result}
        version = (await self._sent("GET", f"/node/{node}", None))[0]["version"]
        headers = {"If-Match": f'"{version}"'}
        for ended in await self._sent("PATCH", f"/node/{node}", body, headers):
            self._note_end(ended)

    async def _put_tree(self, nodes: list[str]) -> None:
        root = self._random.choice(nodes)
        children = [
            {"node": {"kind": "test", "name": f"{self._name}_{self._count}_{n}"}}
            for n in range(5)
        ]
        body = {"node": {"kind": "checkout", "name": "checkout"}}
        await self._sent("PUT", f"/nodes/{root}", {**body, "child_nodes": children})

    async def _run_job(self, nodes: list[str]) -> None:
        key = f"{self._name}/{self._count}/job"
        lab = {"runtime": self._name, "platform": "board"}
        job = {"kind": "job", "name": "boot", "parent": self._random.choice(nodes)}
        body = {**job, "data": lab, "idempotency_key": key}
        (node,) = await self._sent("POST", "/node", body)
        self._notes.keys[key] = node["id"]
        request = {"runtime": self._name, "platforms": ["board"], "lease": LEASE_S}
        answer = await self._once("POST", "/claims", request)
        if answer is None or answer.status_code != httpx.codes.OK:
            return  # if the answer was lost, the claim expires
        for claimed in answer.json():
            self._note(claimed["node"])
            test = {"kind": "test", "name": "t", "state": "done", "result": "pass"}
            report = {
                "token": claimed["claim"]["token"],
                "outcome": {"result": "pass"},
                "child_nodes": [{"node": test}],
            }
            url = f"/claims/{claimed['node']['id']}/result"
            for ended in await self._sent("POST", url, report):
                self._note_end(ended)

    def _checkout(self) -> dict[str, Any]:
        data = {"kernel_revision": REVISION, "by": f"{self._name}/{self._count}"}
        return {"kind": "checkout", "name": "checkout", "data": data}

    async def _sent(
        self, method: str, url: str, body: Any, headers: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Repeat a request until it is answered; return the nodes, none if refused."""
        while True:
            answer = await self._once(method, url, body, headers)
            if answer is None:
                await asyncio.sleep(PAUSE_S)
                continue
            if not answer.is_success:
                self._notes.refused += 1
                return []
            nodes: Any = answer.json()
            nodes = nodes if isinstance(nodes, list) else [nodes]
            if method != "GET":
                self._note(*nodes)
            return list(nodes)

    async def _once(
        self,
        method: str,
        url: str,
        body: Any,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response | None:
        """Send a request; return its answer, or None if it may be repeated."""
        http = self._random.choice(self._apis)
        try:
            answer = await http.request(method, url, json=body, headers=headers)
        except httpx.TransportError:
            self._notes.unsure += 1
            return None
        if answer.is_server_error and answer.status_code != 503:
            self._notes.server_errors.append(f"{method} {url}: {answer.text}")
        return None if answer.status_code in RETRIED else answer

    def _note_end(self, node: dict[str, Any]) -> None:
        self._notes.done[f"{node['id']}-{node['version']}"] = node["result"]

    def _note(self, *nodes: dict[str, Any]) -> None:
        self._notes.versions |= {(node["id"], node["version"]) for node in nodes}
