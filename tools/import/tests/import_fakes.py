# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API to import into, which may die, and a dump of a few documents."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kci_fakes.api import Call, FakeApi
from kci_import.checkpoint import Checkpoint
from kci_shared.models import ImportedNode

Documents = dict[str, list[dict[str, Any]]]
"""The documents of a dump, by collection."""
WriteDump = Callable[[Documents], Path]
DUMP = Path(__file__).parent / "dump"


class TargetApi(FakeApi):
    """The API that the nodes are imported into."""

    def die_at(self, number: int) -> None:
        """Interrupt the import at its request of this number."""
        done = self.count_calls("import_nodes")

        def interrupt(call: Call) -> None:
            if (
                call.method == "import_nodes"
                and self.count_calls("import_nodes") == done + number
            ):
                raise KeyboardInterrupt

        self.disturb = interrupt

    def of(self, kind: str) -> list[ImportedNode]:
        """Return the imported nodes of a kind."""
        return [node for node in self.imported.values() if node.node.kind == kind]


class Outcome:
    """What the checkpoint of an import says about it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    @property
    def fates(self) -> Counter[str]:
        """The number of nodes by fate, without fates of no node."""
        return sum(self.checkpoint.counts().values(), Counter())

    @property
    def messages(self) -> dict[str, str]:
        """The last message on each node."""
        return {one.id: one.message for one in self.checkpoint.problems()}

    def messages_of(self, source: str) -> list[str]:
        """Return all messages on a collection."""
        problems = self.checkpoint.problems()
        return [one.message for one in problems if one.source == source]


def read_dump() -> Documents:
    """Return the dump: a test that passes in one revision fails in the next two."""
    return {
        file.stem: [json.loads(line) for line in file.read_text().splitlines()]
        for file in DUMP.glob("*.json")
    }


def write_dump(folder: Path, collections: Documents) -> Path:
    """Write collections as mongoexport does: a line of JSON for each document."""
    folder.mkdir(exist_ok=True)
    for name, documents in collections.items():
        lines = "".join(json.dumps(document) + "\n" for document in documents)
        (folder / f"{name}.json").write_text(lines)
    return folder
