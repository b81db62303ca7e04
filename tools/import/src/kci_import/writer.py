# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends drafts to the API in batches, and collects what became of each."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from kci_import.fit import Draft, fit
from kci_import.problems import Problem, refusal
from kci_shared.errors import TooLarge
from kci_shared.models import Fate, Imported, ImportedNode

REQUEST_MAX_BYTES = 4 << 20
"""Half of what the API accepts."""


class Target(Protocol):
    """The API call that the import uses."""

    async def import_nodes(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Import nodes; return what became of each."""


class Batch:
    """What became of the nodes of one batch."""

    def __init__(self) -> None:
        self.fates: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.orphans: list[tuple[Draft, str]] = []
        """Nodes that were not imported, each with the id of the node that it lacks."""


class Writer:
    """Sends nodes to the API."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def write(self, drafts: Sequence[Draft]) -> Batch:
        """Import drafts in the given order, in which parents must come first."""
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
        for request in _requests(nodes):
            for answer in await self._send(request):
                _add(batch, by_id[answer.id], answer)
        return batch

    async def _send(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Import nodes, in halves if they are too large for one request."""
        try:
            return await self._target.import_nodes(nodes)
        except TooLarge as error:
            if len(nodes) == 1:
                return [Imported(id=nodes[0].id, fate=Fate.REFUSED, reason=str(error))]
        half = len(nodes) // 2
        return [*await self._send(nodes[:half]), *await self._send(nodes[half:])]


def _add(batch: Batch, draft: Draft, answer: Imported) -> None:
    """Add the API's answer for one node to its batch."""
    if answer.fate is Fate.ORPHAN and answer.needs:
        batch.orphans.append((draft, answer.needs))
        return
    batch.fates[answer.fate] += 1
    if not answer.reason:
        return
    if answer.fate is Fate.REFUSED:
        batch.problems.append(refusal(draft.source, draft.id, answer.reason))
    else:
        batch.problems.append(Problem(draft.source, draft.id, "", answer.reason))


def _requests(nodes: list[ImportedNode]) -> list[list[ImportedNode]]:
    """Split nodes into requests of at most `REQUEST_MAX_BYTES`."""
    requests: list[list[ImportedNode]] = []
    size = REQUEST_MAX_BYTES
    for node in nodes:
        length = len(node.model_dump_json())
        if size + length > REQUEST_MAX_BYTES:
            requests.append([])
            size = 0
        requests[-1].append(node)
        size += length
    return requests
