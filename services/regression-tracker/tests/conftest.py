# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kci_shared.errors import Conflict
from kci_shared.models import NODE, Event, NewNode, Node, Regression

START = datetime(2026, 1, 1, tzinfo=UTC)
FAULT = {"kind": "oops", "severity": "fault", "headline": "Oops", "line": 7}


class FakeApi:
    """Nodes in memory, with as much of the query language as the tracker speaks."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.queries = 0
        self.writes = 0
        self._sent: dict[str, str] = {}
        self._ids = itertools.count()

    def add(self, node: Node) -> Node:
        self.nodes[node.id] = node
        return node

    async def get(self, node_id: str) -> Node | None:
        await asyncio.sleep(0)
        return self.nodes.get(node_id)

    async def find(self, **filters: Any) -> list[Node]:
        await asyncio.sleep(0)
        self.queries += 1
        sort = filters.pop("sort", "id")
        limit = filters.pop("limit", None)
        found = [node for node in self.nodes.values() if _matches(node, filters)]
        field = sort.removeprefix("-")
        found.sort(
            key=lambda node: (getattr(node, field), node.id), reverse=sort[0] == "-"
        )
        return found[:limit]

    async def create(self, node: NewNode) -> Node:
        await asyncio.sleep(0)
        key, sent = str(node.idempotency_key), node.model_dump_json()
        if key in self._sent:
            if self._sent[key] != sent:
                raise Conflict
            return next(n for n in self.nodes.values() if n.idempotency_key == key)
        self._sent[key] = sent
        self.writes += 1
        failed = self.nodes[node.data["fail_node"]]
        made = {"id": self.new_id(), "owner": "tracker", "path": failed.path}
        said = json.loads(node.model_dump_json(exclude_unset=True))
        return self.add(NODE.validate_python({**said, **made, **_times(START)}))

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        await asyncio.sleep(0)
        node = self.nodes[node_id]
        if if_version != node.version:
            raise Conflict
        self.writes += 1
        old = node.model_dump(mode="json", exclude_unset=True)
        data = {**old["data"], **json.loads(json.dumps(changes.pop("data", {})))}
        data = {key: value for key, value in data.items() if value is not None}
        made = {**old, **changes, "data": data, "version": node.version + 1}
        return self.add(NODE.validate_python(made))

    def new_id(self) -> str:
        return f"{next(self._ids):024x}"

    @property
    def regressions(self) -> list[Regression]:
        return [node for node in self.nodes.values() if isinstance(node, Regression)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What passed and failed first, of the regressions that hold."""
        return sorted(
            (node.data.pass_node, node.data.fail_node)
            for node in self.regressions
            if node.data.status != "withdrawn"
        )


def _times(when: datetime) -> dict[str, datetime]:
    return {"created": when, "updated": when}


def _matches(node: Node, filters: dict[str, Any]) -> bool:
    return all(_fits(node, key, str(wanted)) for key, wanted in filters.items())


def _fits(node: Node, key: str, wanted: str) -> bool:
    name, _, operator = key.partition("__")
    value: Any = node
    for part in name.split("."):
        value = getattr(value, part, None)
    if operator == "in":
        return str(value) in wanted.split(",")
    return ("null" if value is None else str(value)) == wanted


class World:
    """Revisions of one branch, each with runs of the same test."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self._now = START

    def checkout(self, commit: str, **fields: Any) -> Node:
        """Add the branch's next revision."""
        node_id = self.api.new_id()
        fields = {"kind": "checkout", "name": "checkout", "treeid": node_id, **fields}
        return self._add(node_id, commit, ["checkout"], fields)

    def run(self, checkout: Node, result: str | None = "pass", **fields: Any) -> Node:
        """Add a run of the revision, newer than all that is there.

        What fails shows why, unless `signature` is None.
        """
        signature = fields.pop("signature", "some-oops")
        fault = {"findings": [{**FAULT, "signature": signature}]}
        shown = fault if result == "fail" and signature else {}
        build = {"platform": "qemu", "arch": "x86_64"}
        data = {**build, **shown, **fields.pop("data", {})}
        fields = {
            "kind": "job",
            "name": "boot",
            "parent": checkout.id,
            "treeid": checkout.treeid,
            "result": result,
            **fields,
            "data": data,
        }
        assert checkout.data.kernel_revision is not None
        commit = checkout.data.kernel_revision.commit
        return self._add(
            self.api.new_id(), commit, ["checkout", fields["name"]], fields
        )

    def _add(
        self, node_id: str, commit: str, path: list[str], fields: dict[str, Any]
    ) -> Node:
        self._now += timedelta(minutes=1)
        revision = {
            "tree": "mainline",
            "branch": "master",
            "url": "u",
            "commit": commit,
        }
        common = {"id": node_id, "path": path, "state": "done", "owner": "lab"}
        data = {"kernel_revision": revision, **fields.pop("data", {})}
        made = {**common, **_times(self._now), **fields, "data": data}
        return self.api.add(NODE.validate_python(made))


def an_event(node: Node, **change: Any) -> Event:
    said = node.model_dump(include={"id", "kind", "name", "state", "result"})
    return Event.model_validate(
        {"id": "e", "time": START, "data": {"op": "updated", **said, **change}}
    )


@pytest.fixture
def world() -> World:
    return World(FakeApi())


@pytest.fixture
def new_world() -> Callable[[], World]:
    return lambda: World(FakeApi())


@pytest.fixture
def event() -> Callable[..., Event]:
    return an_event
