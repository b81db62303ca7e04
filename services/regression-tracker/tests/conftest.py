# SPDX-License-Identifier: LGPL-2.1-or-later
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kci_shared.errors import Conflict
from kci_shared.models import NODE, Event, NewNode, Node

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeApi:
    """Nodes in memory, with as much of the query language as the tracker speaks."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.queries = 0
        self._ids = itertools.count()

    def add(self, node: Node) -> Node:
        self.nodes[node.id] = node
        return node

    async def get(self, node_id: str) -> Node | None:
        return self.nodes.get(node_id)

    async def find(self, **filters: Any) -> list[Node]:
        self.queries += 1
        sort = filters.pop("sort", "id")
        limit = filters.pop("limit", None)
        found = [node for node in self.nodes.values() if _matches(node, filters)]
        found.sort(key=lambda node: node.id, reverse=sort == "-id")
        return found[:limit]

    async def create(self, node: NewNode) -> Node:
        for known in self.nodes.values():
            if known.idempotency_key == node.idempotency_key:
                if known.data.pass_node != node.data["pass_node"]:
                    raise Conflict
                return known
        made = {"id": self.new_id(), "owner": "tracker", **_times(START)}
        return self.add(NODE.validate_python({**node.model_dump(), **made}))

    def new_id(self) -> str:
        return f"{next(self._ids):024x}"

    @property
    def regressions(self) -> list[tuple[str, str]]:
        """The pairs of nodes that passed and failed."""
        found = (node for node in self.nodes.values() if node.kind == "regression")
        return sorted((node.data.pass_node, node.data.fail_node) for node in found)


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
    if operator == "lte":
        return bool(value <= datetime.fromisoformat(wanted))
    if operator == "gte":
        return bool(value >= datetime.fromisoformat(wanted))
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
        """Add a run of the revision, newer than all that is there."""
        data = {"platform": "qemu", "arch": "x86_64", **fields.pop("data", {})}
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


def an_event(node: Node) -> Event:
    change = node.model_dump(include={"id", "kind", "name", "state", "result"})
    return Event.model_validate(
        {"id": "e", "time": START, "data": {"op": "updated", **change}}
    )


@pytest.fixture
def world() -> World:
    return World(FakeApi())


@pytest.fixture
def new_world() -> Callable[[], World]:
    return lambda: World(FakeApi())


@pytest.fixture
def event() -> Callable[[Node], Event]:
    return an_event
