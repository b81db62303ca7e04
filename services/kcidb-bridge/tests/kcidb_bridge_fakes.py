# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tree of nodes to change and submit, and a KCIDB that remembers its rows."""

from collections.abc import Sequence
from typing import Any

from kci_fakes.api import FakeApi
from kci_kcidb_bridge.row_models import Row
from kci_shared.models import NODE, Event, Kind, Node, NodeChange, Op, State

REVISION = {
    "tree": "mainline",
    "url": "git://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git",
    "branch": "master",
    "commit": "2a987e65025e2b79c6d453b78cb5985ac6e5eb28",
    "describe": "v6.12-rc1-7-g2a987e65025e",
    "tip_of_branch": True,
}
BUILD = {
    "arch": "x86_64",
    "compiler": "gcc-12",
    "config_full": "defconfig",
    "kernel_revision": REVISION,
}
RUN = {**BUILD, "platform": "qemu-x86", "runtime": "lab-demo", "findings": []}
STORAGE = "http://127.0.0.1:8002"
LATER = "2026-11-22T12:45:00.000+00:00"

Fields = dict[str, Any]
"""The JSON of a node."""


class Tree:
    """Nodes by name, which a test changes before it uses them."""

    def __init__(self) -> None:
        self.fields: dict[str, Fields] = {}
        self.add("checkout", "checkout", None, data={"kernel_revision": REVISION})
        self.add("kbuild", "build", "checkout", data=BUILD)
        self["build"]["artifacts"] = {
            "kernel": f"{STORAGE}/aa/bzImage",
            "_config": f"{STORAGE}/bb/_config",
        }
        self.add("job", "boot", "build", data=RUN)
        self["boot"]["artifacts"] = {"log": f"{STORAGE}/cc/console.log"}

    def add(self, kind: str, name: str, parent: str | None, **fields: object) -> None:
        """Add a node that is done and passed."""
        above = self[parent] if parent else {"path": [], "id": None}
        number = len(self.fields)
        self.fields[name] = {
            "id": f"{number:024x}",
            "kind": kind,
            "name": name,
            "path": [*above["path"], name],
            "parent": above["id"],
            "state": "done",
            "result": "pass",
            "owner": "lab",
            "created": f"2026-11-22T12:00:00.{number:03}+00:00",
            "updated": "2026-11-22T12:30:00.000+00:00",
            "data": {},
            **fields,
        }

    def __getitem__(self, name: str) -> Fields:
        return self.fields[name]

    def node(self, name: str) -> Node:
        return NODE.validate_python(self[name])

    def nodes(self) -> list[Node]:
        return [self.node(name) for name in self.fields]


def an_api(tree: Tree) -> FakeApi:
    """Return an API that holds the tree."""
    api = FakeApi()
    api.put(*tree.nodes())
    return api


class FakeKcidb:
    """Keeps the rows of each submission, and their names."""

    def __init__(self) -> None:
        self.submissions: list[list[str]] = []
        self.rows: list[Row] = []

    async def submit(self, rows: Sequence[Row]) -> str:
        self.rows += rows
        self.submissions.append([f"{row.LIST} {row.id[-2:]}" for row in rows])
        return f"http://kcidb/status?id={len(self.submissions)}"


def event_of(node_id: str) -> Event:
    """Return an event whose fields are out of date, apart from the node's id."""
    change = NodeChange(
        op=Op.UPDATED, id=node_id, kind=Kind.JOB, name="x", state=State.RUNNING
    )
    return Event.model_validate({"id": f"{node_id}-1", "time": LATER, "data": change})
