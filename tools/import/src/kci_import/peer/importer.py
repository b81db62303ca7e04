# SPDX-License-Identifier: LGPL-2.1-or-later
"""Imports from another server: each run imports the nodes that are done by then."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from rich.progress import Progress

from kci_import.checkpoint import Checkpoint
from kci_import.fit import Draft
from kci_import.peer.client import NodeJson, Window
from kci_import.peer.order import in_order
from kci_import.peer.pages import Pages, WindowNodes, walk
from kci_import.peer.translate import SOURCE, is_done, translate
from kci_import.problems import refusal
from kci_import.writer import Batch, Writer
from kci_shared.models import Fate

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
WAITING = "CREATE TABLE IF NOT EXISTS waiting(id TEXT PRIMARY KEY, why TEXT)"
SEEN_UNTIL = "nodes before this time were seen"
STEP = "nodes"
WAITING_BATCH = 100
MAX_ANCESTORS = 50
"""How many missing ancestors of a node are fetched."""


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


class Server(Pages, Protocol):
    """The server's calls that the import uses."""

    async def node(self, node_id: str) -> NodeJson | None:
        """Return a node, or None if it does not exist."""


class PeerImport:
    """Imports nodes that are done; remembers the others for the next run."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        writer: Writer,
        progress: Progress,
        peer: Server,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._checkpoint = checkpoint
        self._writer = writer
        self._progress = progress
        self._peer = peer
        self._now = now
        with checkpoint.db:
            checkpoint.db.execute(WAITING)

    async def run(self, *, again: bool) -> None:
        """Import nodes that are new since the last run, or were not done then.

        With `again`, compare all nodes with those imported before.
        """
        if self._checkpoint.value("ended") == "yes":
            self._checkpoint.restart()
            if again:
                self._checkpoint.set_value(SEEN_UNTIL, BEGINNING.isoformat())
        self._checkpoint.set_value("ended", "no")
        end = self._now()
        await self._import_waiting()
        seen_until = self._checkpoint.value(SEEN_UNTIL) or str(BEGINNING)
        whole = Window(datetime.fromisoformat(seen_until), end)
        total = await self._peer.count(whole)
        task = self._progress.add_task(STEP, total=total)
        async for part in walk(self._peer, whole):
            await self._import(part.nodes)
            self._finish(part)
            self._progress.advance(task, len(part.nodes))
        self._report_waiting()
        self._checkpoint.set_value("ended", "yes")

    def _finish(self, part: WindowNodes) -> None:
        """Note that the nodes of a window were seen."""
        if part.missing:
            start = part.window.start.isoformat()
            reason = f"the peer does not show {part.missing} nodes of this millisecond"
            with self._checkpoint.db:
                self._checkpoint.add_problems([refusal(SOURCE, start, reason)])
        self._checkpoint.set_value(SEEN_UNTIL, part.window.end.isoformat())

    async def _import_waiting(self) -> None:
        """Fetch again the nodes that were not done in the last run."""
        query = "SELECT id FROM waiting WHERE id > ? ORDER BY id LIMIT ?"
        db, last = self._checkpoint.db, ""
        while ids := [row[0] for row in db.execute(query, (last, WAITING_BATCH))]:
            nodes = [await self._peer.node(node_id) for node_id in ids]
            deleted = [i for i, node in zip(ids, nodes, strict=True) if node is None]
            with db:
                self._checkpoint.add_problems(
                    refusal(SOURCE, id_, "deleted on the peer") for id_ in deleted
                )
                self._remove_waiting(deleted)
            await self._import([node for node in nodes if node is not None])
            last = ids[-1]

    async def _import(self, nodes: list[NodeJson]) -> None:
        """Import the nodes that are done, each after those it refers to."""
        unfinished = [str(node.get("id")) for node in nodes if not is_done(node)]
        drafts = in_order([translate(node) for node in nodes if is_done(node)])
        batch = await self._writer.write(drafts)
        waiting = dict.fromkeys(unfinished, "it is not done")
        for draft, needs in batch.orphans:
            waiting |= await self._import_orphan(draft, needs, batch)
        imported = {draft.id for draft in drafts} - waiting.keys()
        with self._checkpoint.db:
            self._checkpoint.add_problems(batch.problems)
            self._checkpoint.count(STEP, batch.fates)
            self._remove_waiting(sorted(imported))
            self._checkpoint.db.executemany(
                "INSERT OR REPLACE INTO waiting VALUES(?, ?)", waiting.items()
            )

    async def _import_orphan(
        self, orphan: Draft, needs: str, batch: Batch
    ) -> dict[str, str]:
        """Import a node after the nodes it refers to, which are fetched.

        Return the nodes that must wait, and why.
        """
        lineage = [orphan]
        for _ in range(MAX_ANCESTORS):
            ancestor = await self._peer.node(needs)
            if ancestor is None:
                batch.fates[Fate.ORPHAN] += 1
                reason = f"it belongs to node {needs}, which the peer has deleted"
                batch.problems.append(refusal(SOURCE, orphan.id, reason))
                return {}
            if not is_done(ancestor):
                return {orphan.id: f"it belongs to node {needs}, which is not done"}
            lineage.insert(0, translate(ancestor))
            result = await self._writer.write(lineage)
            batch.fates += result.fates
            batch.problems += result.problems
            missing = [id_ for draft, id_ in result.orphans if draft is lineage[0]]
            if not missing:
                return {draft.id: f"{id_} is missing" for draft, id_ in result.orphans}
            needs = missing[0]
        return {orphan.id: f"it is more than {MAX_ANCESTORS} levels deep"}

    def _remove_waiting(self, ids: list[str]) -> None:
        self._checkpoint.db.executemany(
            "DELETE FROM waiting WHERE id = ?", [(id_,) for id_ in ids]
        )

    def _report_waiting(self) -> None:
        with self._checkpoint.db:
            self._checkpoint.db.execute(
                "INSERT OR IGNORE INTO problem"
                " SELECT ?, id, '', 'waits for the next run: ' || why FROM waiting",
                (SOURCE,),
            )
