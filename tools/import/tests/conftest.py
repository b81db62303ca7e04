# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API that takes what has a parent, and a dump of a few documents."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from kci_import.checkpoint import State
from kci_shared.models import Fate, Imported, ImportedNode

Documents = dict[str, list[dict[str, Any]]]


class FakeApi:
    """Keeps nodes as our API does: parents first, and the same again is nothing new."""

    def __init__(self) -> None:
        self.nodes: dict[str, ImportedNode] = {}
        self.requests = 0
        self.dies_at: int | None = None

    async def bring(self, nodes: list[ImportedNode]) -> list[Imported]:
        self.requests += 1
        if self.requests == self.dies_at:
            raise KeyboardInterrupt
        return [self._take(node) for node in nodes]

    def _take(self, new: ImportedNode) -> Imported:
        needs = new.node.parent or new.node.data.get("fail_node")
        if needs is not None and needs not in self.nodes:
            return Imported(id=new.id, fate=Fate.ORPHAN, reason="-", needs=needs)
        before = self.nodes.get(new.id)
        self.nodes[new.id] = new
        if before is None:
            return Imported(id=new.id, fate=Fate.CREATED)
        same = before == new
        return Imported(id=new.id, fate=Fate.UNCHANGED if same else Fate.CHANGED)

    def of(self, kind: str) -> list[ImportedNode]:
        return [node for node in self.nodes.values() if node.node.kind == kind]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State.open(tmp_path / "state.sqlite3", "a source")
    yield state
    state.close()


@pytest.fixture
def progress() -> Progress:
    return Progress(disable=True)


@pytest.fixture
def documents() -> Documents:
    """A small dump: what passes in one revision of a tree fails in the next two."""
    files = (Path(__file__).parent / "dump").glob("*.json")
    return {
        file.stem: [json.loads(line) for line in file.read_text().splitlines()]
        for file in files
    }


@pytest.fixture
def write_dump(tmp_path: Path) -> Any:
    """Write collections as mongoexport does: a document of JSON a line."""

    def write(collections: Documents) -> Path:
        folder = tmp_path / "dump"
        folder.mkdir(exist_ok=True)
        for name, documents in collections.items():
            lines = "".join(json.dumps(one) + "\n" for one in documents)
            (folder / f"{name}.json").write_text(lines)
        return folder

    return write
