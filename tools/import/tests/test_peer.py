# SPDX-License-Identifier: LGPL-2.1-or-later
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from rich.progress import Progress

from kci_import.checkpoint import State
from kci_import.peer import client, pages
from kci_import.peer.client import Page, Peer, Window
from kci_import.peer.importer import PeerImport, in_order
from kci_import.peer.pages import Found, walk
from kci_import.peer.translate import parse_time, translate
from kci_import.writer import Writer
from kci_shared.errors import ApiError, Unavailable

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = Window(datetime(2010, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
Node = dict[str, Any]


def hex_id(number: int) -> str:
    return f"6b02e3d{number:017x}"


def node(number: int, parent: int | None = None, **fields: Any) -> Node:
    """As today's server tells it: naive times, and keys that we do not know."""
    at = (FIRST + timedelta(minutes=number)).replace(tzinfo=None).isoformat()
    base = {
        "id": hex_id(number),
        "kind": "checkout" if parent is None else "job",
        "name": "checkout" if parent is None else f"job-{number}",
        "path": ["checkout"],
        "parent": None if parent is None else hex_id(parent),
        "state": "done",
        "owner": "alice",
        "treeid": "tree",
        "processed_by_kcidb_bridge": True,
    }
    return {**base, "created": at, "updated": at, **fields}


class FakePeer:
    """Has no order: each answer comes in another one."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = {one["id"]: one for one in nodes}
        self.random = random.Random(7)  # noqa: S311 - no secret
        self.asked: Counter[str] = Counter()

    def _in(self, window: Window) -> list[Node]:
        found = [
            one
            for one in self.nodes.values()
            if window.start <= (parse_time(one["created"]) or FIRST) < window.end
        ]
        return self.random.sample(found, len(found))

    async def count(self, window: Window) -> int:
        self.asked["count"] += 1
        return len(self._in(window))

    async def page(self, window: Window, offset: int) -> Page:
        self.asked["page"] += 1
        found = self._in(window)
        return Page(found[offset : offset + pages.PAGE], len(found))

    async def node(self, node_id: str) -> Node | None:
        self.asked["node"] += 1
        return self.nodes.get(node_id)


@pytest.fixture(autouse=True)
def few_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 10)


async def walked(peer: FakePeer) -> list[Found]:
    return [found async for found in walk(peer, WHOLE)]


async def test_all_nodes_of_a_server_without_an_order_are_seen_once() -> None:
    peer = FakePeer([node(n) for n in range(200)])
    found = await walked(peer)
    seen = [one["id"] for part in found for one in part.nodes]
    assert sorted(seen) == sorted(peer.nodes)
    starts = [part.window.start for part in found]
    assert starts == sorted(starts)
    assert found[-1].window.end == WHOLE.end


async def test_more_nodes_of_one_millisecond_than_an_answer_holds_are_seen() -> None:
    same = node(0)["created"]
    peer = FakePeer([node(n, created=same) for n in range(25)])
    seen = {one["id"] for part in await walked(peer) for one in part.nodes}
    missing = sum(part.missing for part in await walked(peer))
    assert len(seen) + missing >= 25 - missing
    assert len(seen) > 20


class Run:
    def __init__(self, peer: FakePeer, api: Any, state: State) -> None:
        self.peer, self.api, self.state = peer, api, state

    async def __call__(self, *, again: bool = False) -> None:
        progress = Progress(disable=True)
        importer = PeerImport(self.state, Writer(self.api), progress, self.peer)
        await importer.run(again=again)

    def fates(self) -> Counter[str]:
        return sum(self.state.tallies().values(), Counter())

    def told(self) -> dict[str, str]:
        return {problem.id: problem.said for problem in self.state.problems()}


@pytest.fixture
def run(api: Any, state: State) -> Run:
    return Run(FakePeer([node(0), *(node(n, 0) for n in range(1, 60))]), api, state)


async def test_what_is_done_comes_and_the_next_run_brings_what_is_new(run: Run) -> None:
    await run()
    assert len(run.api.nodes) == 60
    assert run.fates() == {"created": 60}
    first = run.api.nodes[hex_id(0)]
    assert (first.owner, first.created) == ("alice", FIRST)
    pages_asked = run.peer.asked["page"]
    now = datetime.now(UTC) + timedelta(seconds=1)
    run.peer.nodes[hex_id(99)] = node(99, 0, created=now.isoformat())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kci_import.peer.importer.datetime", Later)
        await run()
    assert run.fates() == {"created": 1}
    assert run.peer.asked["page"] == pages_asked + 1


class Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "Later":
        return cls.fromtimestamp(datetime.now(tz).timestamp() + 60, tz)


async def test_a_full_pass_sees_what_has_changed_and_changes_nothing_else(
    run: Run,
) -> None:
    await run()
    run.peer.nodes[hex_id(7)]["result"] = "fail"
    await run(again=True)
    assert run.fates() == {"unchanged": 59, "changed": 1}


async def test_what_is_not_done_waits_with_all_below_it(run: Run) -> None:
    run.peer.nodes[hex_id(5)]["state"] = "running"
    run.peer.nodes[hex_id(100)] = node(50, 5, id=hex_id(100))
    await run()
    assert hex_id(5) not in run.api.nodes
    assert hex_id(100) not in run.api.nodes
    assert set(run.told()) == {hex_id(5), hex_id(100)}
    run.peer.nodes[hex_id(5)]["state"] = "done"
    await run()
    assert {hex_id(5), hex_id(100)} <= run.api.nodes.keys()
    assert run.told() == {}


async def test_a_parent_that_is_younger_than_its_child_is_fetched(run: Run) -> None:
    later = (FIRST + timedelta(days=9)).isoformat()
    run.peer.nodes[hex_id(200)] = node(200, 0, created=later)
    run.peer.nodes[hex_id(201)] = node(10, 200, id=hex_id(201))
    run.peer.nodes[hex_id(202)] = node(11, 201, id=hex_id(202))
    await run()
    assert {hex_id(200), hex_id(201), hex_id(202)} <= run.api.nodes.keys()
    assert run.told() == {}
    assert len(run.api.nodes) == 63


async def test_what_rests_on_a_purged_node_is_told(run: Run) -> None:
    run.peer.nodes[hex_id(300)] = node(20, 299, id=hex_id(300))
    await run()
    assert run.fates()["orphan"] == 1
    assert run.told() == {
        hex_id(300): f"refused: it rests on {hex_id(299)}, which the peer has no more"
    }


async def test_a_run_that_was_killed_goes_on(run: Run) -> None:
    for dies_at in range(1, 40):
        run.api.requests, run.api.dies_at = 0, dies_at
        try:
            await run()
        except KeyboardInterrupt:
            continue
        break
    assert len(run.api.nodes) == 60
    assert run.fates()["created"] == 60


def test_nodes_are_put_after_those_that_they_rest_on() -> None:
    fail = {"fail_node": hex_id(3), "pass_node": hex_id(9)}
    tale = node(4, kind="regression", data=fail)
    nodes = [tale, node(3, 2), node(2, 1), node(1, 0), node(0)]
    ordered = [draft.id for draft in in_order([translate(one) for one in nodes])]
    assert ordered == [hex_id(n) for n in (0, 1, 2, 3, 4)]


def test_nodes_that_rest_on_each_other_do_not_hang_the_import() -> None:
    nodes = [node(1, 2), node(2, 1), node(3, 3)]
    assert len(in_order([translate(one) for one in nodes])) == 3


def test_what_the_peer_says_more_is_kept_aside() -> None:
    draft = translate(node(1, surprise={"x": 1}, data={"arch": "arm64"}))
    assert draft.fields["data"] == {
        "arch": "arm64",
        "peer": {"extra": {"surprise": {"x": 1}}},
    }
    assert "processed_by_kcidb_bridge" not in draft.fields
    assert draft.created == FIRST + timedelta(minutes=1)


async def peer_that(answers: list[httpx.Response], asked: list[httpx.URL]) -> Peer:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return answers.pop(0)

    transport = httpx.MockTransport(answer)
    return Peer(httpx.AsyncClient(base_url="http://peer/latest/", transport=transport))


async def test_times_are_asked_for_in_the_peers_way_and_a_slow_peer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kci_import.peer.client.WAIT_S", 0.001)
    asked: list[httpx.URL] = []
    answers = [httpx.Response(504), httpx.Response(200, text="7")]
    peer = await peer_that(answers, asked)
    assert await peer.count(Window(FIRST, FIRST + timedelta(hours=1))) == 7
    assert dict(asked[1].params) == {
        "created__gte": "2026-01-01T00:00:00.000",
        "created__lt": "2026-01-01T01:00:00.000",
    }
    assert len(asked) == 2


async def test_a_peer_that_says_no_is_believed_and_one_that_is_away_gives_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kci_import.peer.client.WAIT_S", 0.001)
    with pytest.raises(ApiError, match="422"):
        await (await peer_that([httpx.Response(422, text="no")], [])).node("x")
    away = [httpx.Response(200, text="<html>")] * client.ATTEMPTS
    with pytest.raises(Unavailable):
        await (await peer_that(away, [])).node("x")
