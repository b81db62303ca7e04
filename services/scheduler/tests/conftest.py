# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API in memory, and a small configuration."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from kci_shared.config import Config
from kci_shared.errors import BadRequest, Conflict
from kci_shared.models import (
    NODE,
    Event,
    NewNode,
    Node,
    NodeChange,
    Op,
    State,
    may_become,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REVISION = {
    "tree": "demo",
    "url": "https://git.example.org/demo.git",
    "branch": "master",
    "commit": "c0ffee",
}
BUILD = "build/gcc-12/x86_64/cloud"
KERNEL = {"kernel": "https://storage.example.org/k", "_config": "https://x/config"}


class FakeApi:
    """The part of the API that the scheduler speaks to; remembers every event."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.events: list[Event] = []
        self.calls: list[str] = []
        self._numbers = count(1)

    async def get(self, node_id: str) -> Node | None:
        self.calls.append("get")
        return self.nodes.get(node_id)

    async def find(self, **filters: Any) -> list[Node]:
        self.calls.append("find")
        return [node for node in self.nodes.values() if _matches(node, filters)]

    async def count(self, **filters: Any) -> int:
        self.calls.append("count")
        return sum(_matches(node, filters) for node in self.nodes.values())

    async def create_many(self, nodes: list[NewNode]) -> list[Node]:
        self.calls.append("create_many")
        there = {node.idempotency_key: node for node in self.nodes.values()}
        for new in nodes:
            old = there.get(new.idempotency_key)
            if old and _lasting(old.debug["sent"]) != _lasting(
                new.model_dump(mode="json")
            ):
                raise Conflict("the same key with different content")
        return [there.get(new.idempotency_key) or self.add(new) for new in nodes]

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        self.calls.append("update")
        node = self.nodes[node_id]
        if if_version not in (None, node.version):
            raise Conflict(node.model_dump())
        if not may_become(node.state, changes.get("state", node.state)):
            raise BadRequest("Transition not allowed")
        return self.change(node, **changes)

    def add(self, new: NewNode) -> Node:
        """Create a node, as the API does."""
        parent = self.nodes.get(new.parent or "")
        node_id = f"{next(self._numbers):024x}"
        sent = new.model_dump(mode="json")
        revision = {"kernel_revision": REVISION}
        node = NODE.validate_python(
            {
                **sent,
                "id": node_id,
                "data": {**revision, **sent["data"]},
                "debug": {"sent": sent},
                "path": [*(parent.path if parent else []), new.name],
                "treeid": parent.treeid if parent else node_id,
                "created": NOW,
                "updated": NOW,
                "timeout": new.timeout or NOW + timedelta(hours=6),
                "owner": "test",
            }
        )
        self.nodes[node_id] = node
        self._tell(node, None)
        return node

    def change(self, node: Node, **changes: Any) -> Node:
        """Change a node, whatever the rules are."""
        before = node.model_dump(mode="json")
        data = {**before["data"], **changes.pop("data", {})}
        merged = {**before, **changes, "data": data, "version": node.version + 1}
        after = NODE.validate_python(merged)
        self.nodes[node.id] = after
        self._tell(after, node.state)
        return after

    def _tell(self, node: Node, previous: State | None) -> None:
        dumped = node.model_dump(mode="json")
        change = NodeChange(
            op=Op.UPDATED if previous else Op.CREATED,
            previous_state=previous,
            **{key: dumped[key] for key in ("id", "kind", "name", "state", "data")},
        )
        number = len(self.events) + 1
        event_id = f"{node.id}-{node.version}"
        self.events.append(
            Event(id=event_id, time=NOW, data=change, _sequence_id=number)
        )

    def submit(self, *builds: dict[str, Any], **checkout: Any) -> Node:
        """Hand in a checkout with builds, done and passed unless they say otherwise."""
        passed = {"state": "available", "result": "pass"}
        root = self.add(
            NewNode.model_validate(
                {"kind": "checkout", "name": "checkout", **passed, **checkout}
            )
        )
        for build in builds:
            self.submit_build(root, build)
        return root

    def submit_build(self, root: Node, build: dict[str, Any]) -> Node:
        """Hand in a build, done and passed unless it says otherwise."""
        given = {"name": BUILD, "artifacts": KERNEL, "state": "done", **build}
        return self.add(
            NewNode.model_validate(
                {"kind": "kbuild", "parent": root.id, "result": "pass", **given}
            )
        )

    def one(self, **fields: Any) -> Node:
        """Return the only node that has these fields."""
        [node] = [node for node in self.nodes.values() if _matches(node, fields)]
        return node

    def tree(self) -> list[str]:
        """Return the paths of all nodes, with lab and platform of the jobs."""
        return sorted(
            "/".join([*node.path[1:], *_place(node)]) for node in self.nodes.values()
        )


def _lasting(sent: dict[str, Any]) -> dict[str, Any]:
    """Return what the API compares when a key comes again."""
    return {key: sent[key] for key in sent if key not in ("id", "timeout", "holdoff")}


def _place(node: Node) -> list[str]:
    if node.kind != "job":
        return []
    return [f"@{node.data.runtime}:{node.data.platform}#{node.retry_counter}"]


def _matches(node: Node, filters: dict[str, Any]) -> bool:
    return all(_holds(node, key, value) for key, value in filters.items())


def _holds(node: Node, key: str, wanted: Any) -> bool:
    field, _, operator = key.partition("__")
    value: Any = node
    for part in field.split("."):
        value = getattr(value, part, None)
    match operator:
        case "":
            return bool(value == wanted)
        case "ne":
            return bool(value != wanted)
        case "in":
            return value in wanted.split(",")
        case "lt":
            return value is not None and value < datetime.fromisoformat(wanted)
    raise AssertionError(f"the fake does not know {key}")


SMALL: dict[str, Any] = {
    "trees": {"demo": {"url": REVISION["url"], "branches": {"master": {}}}},
    "builds": {
        "debian": {"external": True, "compiler": "gcc-12", "arch": {"x86_64": "cloud"}}
    },
    "tests": {
        "boot": {"needs": "build/debian", "retry": {"infra": 2}},
        "smoke": {"needs": "boot", "steps": [{"id": "uname", "run": "uname -a"}]},
    },
    "platforms": {"pc": {"arch": "x86_64"}, "board": {"arch": "arm64"}},
    "labs": {"lab": {"type": "labgrid", "platforms": ["pc", "board"]}},
}


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture(scope="session")
def fake_api() -> type[FakeApi]:
    return FakeApi


@pytest.fixture
def config() -> Config:
    return Config.model_validate(SMALL)
