# SPDX-License-Identifier: LGPL-2.1-or-later
from typing import Any

import pytest

from kci_api.events.broadcast import PAGE_BYTES, RECENT_BYTES, Broadcast, first_bytes
from kci_api.events.byte_budget import Reader, Unread
from kci_api.events.rules import Entry, EventFilter, Head
from kci_api.events.sse import CHUNK_BYTES, chunks

MIB = 1 << 20


class Events:
    """A history and a stream of large events."""

    def __init__(self, number: int, size: int) -> None:
        self.entries = [entry(place, size) for place in range(1, number + 1)]

    async def head(self) -> Head:
        return Head()

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        return self.entries[sequence : sequence + limit]

    def follows(self, position: int, entry: Entry) -> bool:
        return entry.sequence == position + 1

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        return self.entries[after:]


def entry(place: int, size: int) -> Entry:
    data: dict[str, Any] = {"name": "a", "text": "x" * size}
    return Entry(place, {"id": f"a-{place}", "data": data})


def reader() -> tuple[Reader, list[str]]:
    disconnected: list[str] = []
    return Reader(lambda: disconnected.append("now")), disconnected


def test_beyond_the_budget_the_reader_who_has_waited_longest_is_cut_off() -> None:
    unread = Unread(max_bytes=100)
    (slow, end_of_slow), (quick, end_of_quick), (late, _) = reader(), reader(), reader()
    unread.hold(slow, 50)
    unread.hold(quick, 50)
    assert not slow.cut_off
    unread.release(quick)
    unread.hold(quick, 40)
    unread.hold(late, 20)
    assert slow.cut_off
    assert end_of_slow == ["now"]
    assert not quick.cut_off
    assert end_of_quick == []


def test_what_was_read_counts_no_longer() -> None:
    unread, (one, _), (other, _) = Unread(max_bytes=100), reader(), reader()
    for _ in range(10):
        unread.hold(one, 90)
        unread.release(one)
        unread.release(one)
    unread.hold(other, 90)
    assert not one.cut_off


def test_a_reader_alone_may_wait_for_more_than_the_budget() -> None:
    unread, (one, _) = Unread(max_bytes=100), reader()
    unread.hold(one, 1000)
    assert not one.cut_off


@pytest.mark.parametrize(("size", "number"), [(1, 50), (PAGE_BYTES // 4, 3), (MIB, 1)])
def test_a_page_has_a_size_and_at_least_one_event(size: int, number: int) -> None:
    entries = [entry(place, size) for place in range(50)]
    assert len(first_bytes(entries)) == number


async def test_what_listeners_have_in_common_is_bounded_in_bytes() -> None:
    events = Events(number=RECENT_BYTES // MIB + 10, size=MIB)
    broadcast = await Broadcast.begin(events, events)
    broadcast.add(events.entries)
    assert broadcast.position == len(events.entries)
    assert broadcast.recent_bytes <= RECENT_BYTES
    assert [one.sequence for one in await broadcast.read_after(0)] == [1]


async def test_a_reader_who_was_cut_off_resumes_after_its_last_event() -> None:
    events = Events(number=30, size=PAGE_BYTES // 8)
    broadcast = await Broadcast.begin(events, events)
    broadcast.add(events.entries)
    unread = Unread()
    places: list[int] = []
    while len(places) < 30:
        client, _ = reader()
        after = places[-1] if places else 0
        stream = chunks(broadcast, EventFilter(), after, unread, client)
        text = b""
        for _ in range(5):
            chunk = await anext(stream)
            assert len(chunk) <= CHUNK_BYTES
            text += chunk
            if text.count(b"\n\n") + len(places) == 30:
                break
        client.cut()
        assert [one async for one in stream] == []
        places += complete(text)
    assert places == list(range(1, 31))


def complete(text: bytes) -> list[int]:
    """Return the ids of the events that were received as a whole."""
    frames = text.split(b"\n\n")[:-1]
    return [int(frame.partition(b"\n")[0].removeprefix(b"id: ")) for frame in frames]
