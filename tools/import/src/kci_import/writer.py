# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bring drafts to the API in batches, and note what came of each."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from kci_import.fit import Draft, fit
from kci_import.problems import Problem
from kci_shared.errors import TooLarge
from kci_shared.models import Fate, Imported, ImportedNode

MOST_BYTES = 4 << 20
"""Of one request; the API takes twice as much."""


class Target(Protocol):
    """What the import needs of the API."""

    async def bring(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Import nodes of another system; tell what became of each."""


class Batch:
    """What became of the nodes of one batch."""

    def __init__(self) -> None:
        self.fates: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.orphans: list[tuple[Draft, str]] = []
        """Nodes that need one that is not here, and which."""


class Writer:
    """Hands nodes to the API; whatever it answers is somebody's to know."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def write(self, drafts: Sequence[Draft]) -> Batch:
        """Bring drafts in their order; children come after their parents."""
        batch = Batch()
        by_id: dict[str, Draft] = {}
        nodes: list[ImportedNode] = []
        for draft in drafts:
            fitted = fit(draft)
            batch.problems += fitted.problems
            if fitted.node is None:
                batch.fates[Fate.REFUSED] += 1
                continue
            by_id[draft.id] = draft
            nodes.append(fitted.node)
        for part in _parts(nodes):
            for answer in await self._bring(part):
                _note(batch, by_id[answer.id], answer)
        return batch

    async def _bring(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Bring nodes; halves of them if they are too many for one request."""
        try:
            return await self._target.bring(nodes)
        except TooLarge as error:
            if len(nodes) == 1:
                lost = nodes[0].id
                return [Imported(id=lost, fate=Fate.REFUSED, reason=str(error))]
        half = len(nodes) // 2
        return [*await self._bring(nodes[:half]), *await self._bring(nodes[half:])]


def _note(batch: Batch, draft: Draft, answer: Imported) -> None:
    if answer.fate is Fate.ORPHAN and answer.needs:
        batch.orphans.append((draft, answer.needs))
        return
    batch.fates[answer.fate] += 1
    if answer.reason:
        said = answer.reason
        if answer.fate is Fate.REFUSED:
            said = f"refused: {said}"
        batch.problems.append(Problem(draft.source, draft.id, "", said))


def _parts(nodes: list[ImportedNode]) -> list[list[ImportedNode]]:
    """Cut a batch so that no request is too large."""
    parts: list[list[ImportedNode]] = []
    size = MOST_BYTES
    for node in nodes:
        length = len(node.model_dump_json())
        if size + length > MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(node)
        size += length
    return parts
