# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import Callable
from typing import Any

import pytest

from kci_shared.errors import Conflict
from kci_shared.models import NODE, Node

URL = "http://storage/0123/console.log"


def a_job(**fields: Any) -> Node:
    """Return a job that is done, and whose log nobody has read."""
    return NODE.validate_python(
        {
            "id": "a" * 24,
            "kind": "job",
            "name": "boot",
            "state": "done",
            "result": "pass",
            "artifacts": {"log": URL},
            "created": "2026-01-01T00:00:00Z",
            "updated": "2026-01-01T00:00:00Z",
            "owner": "lab",
            **fields,
        }
    )


class FakeApi:
    """One node; `disturb` is called once, between a reader's read and its write."""

    def __init__(self) -> None:
        self.node: Node | None = a_job()
        self.writes = 0
        self.disturb: Callable[[], None] | None = None

    async def get(self, node_id: str) -> Node | None:
        return self.node

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        if self.disturb is not None:
            disturb, self.disturb = self.disturb, None
            disturb()
        assert self.node is not None
        if if_version != self.node.version:
            raise Conflict
        self.writes += 1
        return self.change(**changes)

    def change(self, **changes: Any) -> Node:
        assert self.node is not None
        now = self.node.model_dump()
        now["data"] |= changes.pop("data", {})
        now["version"] += 1
        self.node = NODE.validate_python(now | changes)
        return self.node


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def job() -> Callable[..., Node]:
    return a_job
