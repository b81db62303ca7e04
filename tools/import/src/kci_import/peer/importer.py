# SPDX-License-Identifier: LGPL-2.1-or-later
"""Import from another server: what is done there, again and again until it stops."""

from datetime import UTC, datetime
from typing import Any, Protocol

from rich.progress import Progress

from kci_import.checkpoint import State
from kci_import.fit import Draft
from kci_import.peer.client import Window
from kci_import.peer.pages import Found, Pages, walk
from kci_import.peer.translate import SOURCE, is_done, translate
from kci_import.problems import Problem
from kci_import.writer import Batch, Writer
from kci_shared.models import Fate

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
WAITING = "CREATE TABLE IF NOT EXISTS waiting(id TEXT PRIMARY KEY, why TEXT)"
SINCE = "nodes before this time were seen"
STEP = "nodes"
CHUNK = 100
DEEPEST = 50
"""How far up the parents of a node are fetched."""


class Server(Pages, Protocol):
    """What the import needs of the peer."""

    async def node(self, node_id: str) -> dict[str, Any] | None:
        """Return a node, or None when there is none."""


class PeerImport:
    """Brings what is done; remembers what is not, and asks for it the next time."""

    def __init__(
        self, state: State, writer: Writer, progress: Progress, peer: Server
    ) -> None:
        self._state = state
        self._writer = writer
        self._progress = progress
        self._peer = peer
        with state.db:
            state.db.execute(WAITING)

    async def run(self, *, again: bool) -> None:
        """Bring what is new since the last run, and what was not done then."""
        if self._state.fact("ended") == "yes":
            self._state.restart()
            if again:
                self._state.note(SINCE, BEGINNING.isoformat())
        self._state.note("ended", "no")
        end = datetime.now(UTC)
        await self._bring_waiting()
        start = datetime.fromisoformat(self._state.fact(SINCE) or str(BEGINNING))
        whole = Window(start, end)
        total = await self._peer.count(whole)
        task = self._progress.add_task(STEP, total=total)
        async for found in walk(self._peer, whole):
            await self._bring(found.nodes)
            self._note_window(found)
            self._progress.advance(task, len(found.nodes))
        self._tell_waiting()
        self._state.note("ended", "yes")

    def _note_window(self, found: Found) -> None:
        if found.missing:
            said = f"refused: {found.missing} nodes of one millisecond not shown"
            at = found.window.start.isoformat()
            with self._state.db:
                self._state.tell([Problem(SOURCE, at, "", said)])
        self._state.note(SINCE, found.window.end.isoformat())

    async def _bring_waiting(self) -> None:
        """Ask again for what was not done the last time."""
        query = "SELECT id FROM waiting WHERE id > ? ORDER BY id LIMIT ?"
        last = ""
        while ids := [row[0] for row in self._state.db.execute(query, (last, CHUNK))]:
            nodes = [await self._peer.node(node_id) for node_id in ids]
            gone = [i for i, node in zip(ids, nodes, strict=True) if node is None]
            with self._state.db:
                self._state.tell(
                    Problem(SOURCE, one, "", "refused: the peer has it no more")
                    for one in gone
                )
                self._forget(gone)
            await self._bring([node for node in nodes if node is not None])
            last = ids[-1]

    async def _bring(self, nodes: list[dict[str, Any]]) -> None:
        """Bring the nodes that are done, each after the nodes that it rests on."""
        unfinished = [str(node.get("id")) for node in nodes if not is_done(node)]
        drafts = in_order([translate(node) for node in nodes if is_done(node)])
        batch = await self._writer.write(drafts)
        waits = dict.fromkeys(unfinished, "it is not done")
        for draft, needs in batch.orphans:
            waits |= await self._bring_orphan(draft, needs, batch)
        done = {draft.id for draft in drafts} - waits.keys()
        with self._state.db:
            self._state.tell(batch.problems)
            self._state.count(STEP, batch.fates)
            self._forget(sorted(done))
            self._state.db.executemany(
                "INSERT OR REPLACE INTO waiting VALUES(?, ?)", waits.items()
            )

    async def _bring_orphan(
        self, orphan: Draft, needs: str, batch: Batch
    ) -> dict[str, str]:
        """Fetch what a node rests on and bring both; return what has to wait."""
        line = [orphan]
        for _ in range(DEEPEST):
            above = await self._peer.node(needs)
            if above is None:
                batch.fates[Fate.ORPHAN] += 1
                said = f"refused: it rests on {needs}, which the peer has no more"
                batch.problems.append(Problem(SOURCE, orphan.id, "", said))
                return {}
            if not is_done(above):
                return {orphan.id: f"{needs}, which it rests on, is not done"}
            line.insert(0, translate(above))
            more = await self._writer.write(line)
            _add(batch, more)
            still = [lack for draft, lack in more.orphans if draft is line[0]]
            if not still:
                return {draft.id: f"{lack} is missing" for draft, lack in more.orphans}
            needs = still[0]
        return {orphan.id: "it is too deep in its tree"}

    def _forget(self, ids: list[str]) -> None:
        self._state.db.executemany(
            "DELETE FROM waiting WHERE id = ?", [(one,) for one in ids]
        )

    def _tell_waiting(self) -> None:
        with self._state.db:
            self._state.db.execute(
                "INSERT OR IGNORE INTO problem"
                " SELECT ?, id, '', 'waits, for the next run: ' || why FROM waiting",
                (SOURCE,),
            )


def in_order(drafts: list[Draft]) -> list[Draft]:
    """Return drafts so that each comes after those that it rests on."""
    by_id = {draft.id: draft for draft in drafts}
    ordered: dict[str, Draft] = {}

    def put(draft: Draft) -> None:
        waiting = [draft]
        while waiting:
            one = waiting.pop()
            lacks = [
                by_id[need]
                for need in _needs(one)
                if need in by_id and need not in ordered and by_id[need] not in waiting
            ]
            if lacks and one not in lacks:
                waiting += [one, *lacks]
            else:
                ordered.setdefault(one.id, one)

    for draft in drafts:
        put(draft)
    return list(ordered.values())


def _needs(draft: Draft) -> list[str]:
    data = draft.fields.get("data", {})
    return [str(n) for n in (draft.fields.get("parent"), data.get("fail_node")) if n]


def _add(batch: Batch, more: Batch) -> None:
    batch.fates += more.fates
    batch.problems += more.problems
