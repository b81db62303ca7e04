# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes of another server, in repeated runs."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina
from import_fakes import Outcome, TargetApi
from rich.progress import Progress

from kci_import.checkpoint import Checkpoint
from kci_import.peer.client import NodeJson, Page, Peer, Window
from kci_import.peer.importer import PeerImport
from kci_import.peer.order import in_order
from kci_import.peer.pages import WindowNodes, walk
from kci_import.peer.translate import parse_time, translate
from kci_import.writer import Writer
from kci_shared.errors import ApiError, Unavailable

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = Window(datetime(2010, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def hex_id(number: int) -> str:
    return f"6b02e3d{number:017x}"


def node(number: int, parent: int | None = None, **fields: object) -> NodeJson:
    """Return a node as the server does: naive times, and a field unknown to us."""
    at = (FIRST + timedelta(minutes=number)).replace(tzinfo=None).isoformat()
    defaults = {
        "id": hex_id(number),
        "kind": "checkout" if parent is None else "job",
        "name": "checkout" if parent is None else f"job-{number}",
        "path": ["checkout"],
        "parent": None if parent is None else hex_id(parent),
        "state": "done",
        "owner": "alice",
        "treeid": "tree",
        "processed_by_kcidb_bridge": True,
        "created": at,
        "updated": at,
    }
    return {**defaults, **fields}


class FakePeer:
    """A server whose lists have no order: each answer is shuffled."""

    page_size = 10

    def __init__(self, nodes: list[NodeJson]) -> None:
        self.nodes = {one["id"]: one for one in nodes}
        self.random = random.Random(7)  # noqa: S311 - no secret
        self.calls: Counter[str] = Counter()

    def _in(self, window: Window) -> list[NodeJson]:
        nodes = [
            one
            for one in self.nodes.values()
            if window.start <= (parse_time(one["created"]) or FIRST) < window.end
        ]
        return self.random.sample(nodes, len(nodes))

    async def count(self, window: Window) -> int:
        self.calls["count"] += 1
        return len(self._in(window))

    async def page(self, window: Window, offset: int) -> Page:
        self.calls["page"] += 1
        nodes = self._in(window)
        return Page(nodes[offset : offset + self.page_size], len(nodes))

    async def node(self, node_id: str) -> NodeJson | None:
        self.calls["node"] += 1
        return self.nodes.get(node_id)


async def walked(peer: FakePeer) -> list[WindowNodes]:
    return [part async for part in walk(peer, WHOLE)]


async def test_all_nodes_of_a_server_without_an_order_are_listed_once() -> None:
    peer = FakePeer([node(n) for n in range(200)])
    parts = await walked(peer)
    ids = [one["id"] for part in parts for one in part.nodes]
    assert sorted(ids) == sorted(peer.nodes)
    starts = [part.window.start for part in parts]
    assert starts == sorted(starts)
    assert parts[-1].window.end == WHOLE.end


async def test_more_nodes_of_one_millisecond_than_a_page_holds_are_listed() -> None:
    same = node(0)["created"]
    parts = await walked(FakePeer([node(n, created=same) for n in range(25)]))
    ids = {one["id"] for part in parts for one in part.nodes}
    assert len(ids) + sum(part.missing for part in parts) == 25
    assert len(ids) > 20


class Run(Outcome):
    """Imports from one server into one API, with one checkpoint and one clock."""

    def __init__(self, peer: FakePeer, api: TargetApi, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self.peer, self.api = peer, api
        self.now = FIRST + timedelta(days=1)

    async def __call__(self, *, again: bool = False) -> None:
        progress = Progress(disable=True)
        writer = Writer(self.api)
        importer = PeerImport(
            self.checkpoint, writer, progress, self.peer, lambda: self.now
        )
        await importer.run(again=again)
        self.now += timedelta(days=1)

    @property
    def ids(self) -> set[str]:
        return set(self.api.imported)


@pytest.fixture
def run(api: TargetApi, checkpoint: Checkpoint) -> Run:
    nodes = [node(0), *(node(n, 0) for n in range(1, 60))]
    return Run(FakePeer(nodes), api, checkpoint)


async def test_the_next_run_imports_only_what_is_new(run: Run) -> None:
    await run()
    assert len(run.ids) == 60
    assert run.fates == {"created": 60}
    first = run.api.imported[hex_id(0)]
    assert (first.owner, first.created) == ("alice", FIRST)
    pages = run.peer.calls["page"]
    run.peer.nodes[hex_id(99)] = node(99, 0, created=run.now.isoformat())
    run.now += timedelta(days=1)
    await run()
    assert run.fates == {"created": 1}
    assert run.peer.calls["page"] == pages + 1


async def test_a_full_run_imports_changes_of_imported_nodes(run: Run) -> None:
    await run()
    run.peer.nodes[hex_id(7)]["result"] = "fail"
    await run(again=True)
    assert run.fates == {"unchanged": 59, "changed": 1}


async def test_an_unfinished_node_waits_with_all_nodes_below_it(run: Run) -> None:
    run.peer.nodes[hex_id(5)]["state"] = "running"
    run.peer.nodes[hex_id(100)] = node(50, 5, id=hex_id(100))
    await run()
    assert run.ids.isdisjoint({hex_id(5), hex_id(100)})
    assert set(run.messages) == {hex_id(5), hex_id(100)}
    run.peer.nodes[hex_id(5)]["state"] = "done"
    await run()
    assert {hex_id(5), hex_id(100)} <= run.ids
    assert run.messages == {}


async def test_a_waiting_node_that_was_deleted_is_reported(run: Run) -> None:
    run.peer.nodes[hex_id(5)]["state"] = "running"
    await run()
    del run.peer.nodes[hex_id(5)]
    await run()
    assert run.messages == {hex_id(5): "refused: deleted on the peer"}


async def test_a_parent_that_is_younger_than_its_child_is_fetched(run: Run) -> None:
    later = (FIRST + timedelta(days=9)).isoformat()
    run.peer.nodes[hex_id(200)] = node(200, 0, created=later)
    run.peer.nodes[hex_id(201)] = node(10, 200, id=hex_id(201))
    run.peer.nodes[hex_id(202)] = node(11, 201, id=hex_id(202))
    await run()
    assert {hex_id(200), hex_id(201), hex_id(202)} <= run.ids
    assert run.messages == {}
    assert len(run.ids) == 63


async def test_a_node_whose_parent_was_deleted_is_reported(run: Run) -> None:
    run.peer.nodes[hex_id(300)] = node(20, 299, id=hex_id(300))
    await run()
    assert run.fates["orphan"] == 1
    reason = f"it belongs to node {hex_id(299)}, which the peer has deleted"
    assert run.messages == {hex_id(300): f"refused: {reason}"}


async def test_an_interrupted_run_continues(run: Run) -> None:
    for number in range(1, 40):
        run.api.die_at(number)
        try:
            await run()
        except KeyboardInterrupt:
            continue
        break
    assert len(run.ids) == 60
    assert run.fates["created"] == 60


def test_nodes_come_after_those_that_they_refer_to() -> None:
    failed = {"fail_node": hex_id(3), "pass_node": hex_id(9)}
    regression = node(4, kind="regression", data=failed)
    nodes = [regression, node(3, 2), node(2, 1), node(1, 0), node(0)]
    ordered = [draft.id for draft in in_order([translate(one) for one in nodes])]
    assert ordered == [hex_id(n) for n in (0, 1, 2, 3, 4)]


def test_nodes_that_refer_to_each_other_do_not_hang_the_import() -> None:
    nodes = [node(1, 2), node(2, 1), node(3, 3)]
    assert len(in_order([translate(one) for one in nodes])) == 3


def test_times_of_a_node_are_read_as_utc() -> None:
    draft = translate(node(1, timeout="2026-01-01T00:00:00", holdoff="never"))
    assert draft.fields["timeout"] == FIRST
    assert draft.fields["holdoff"] is None


def test_unknown_fields_are_kept() -> None:
    draft = translate(node(1, surprise={"x": 1}, data={"arch": "arm64"}))
    assert draft.fields["data"] == {
        "arch": "arm64",
        "peer": {"extra": {"surprise": {"x": 1}}},
    }
    assert "processed_by_kcidb_bridge" not in draft.fields
    assert draft.created == FIRST + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01T00:00:00", FIRST),
        ("2026-01-01T02:00:00+02:00", FIRST),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_time_without_an_offset_is_utc(
    text: str | None, time: datetime | None
) -> None:
    assert parse_time(text) == time


class Server:
    """Answers in turn, and remembers the URLs."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.urls: list[httpx.URL] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(request.url)
        return self.answers.pop(0)

    def peer(self) -> Peer:
        transport = httpx.MockTransport(self._answer)
        return Peer(httpx.AsyncClient(base_url="http://p/latest/", transport=transport))


async def test_a_slow_peer_is_asked_again_with_naive_times() -> None:
    server = Server(httpx.Response(504), httpx.Response(200, text="7"))
    with stamina.set_testing(True, attempts=2):
        count = await server.peer().count(Window(FIRST, FIRST + timedelta(hours=1)))
    assert count == 7
    assert [dict(url.params) for url in server.urls] == [
        {
            "created__gte": "2026-01-01T00:00:00.000",
            "created__lt": "2026-01-01T01:00:00.000",
        }
    ] * 2


async def test_a_page_is_asked_for_by_its_offset() -> None:
    server = Server(httpx.Response(200, json={"items": [node(1)], "total": 31}))
    page = await server.peer().page(WHOLE, 30)
    assert (len(page.items), page.total) == (1, 31)
    assert server.urls[0].params["offset"] == "30"


async def test_a_request_that_the_peer_refuses_is_not_repeated() -> None:
    with pytest.raises(ApiError, match="422"):
        await Server(httpx.Response(422, text="no")).peer().node("x")


async def test_a_peer_without_valid_answers_is_unavailable() -> None:
    answers = [httpx.Response(200, text="<html>")] * 3
    with stamina.set_testing(True, attempts=3), pytest.raises(Unavailable):
        await Server(*answers).peer().node("x")
