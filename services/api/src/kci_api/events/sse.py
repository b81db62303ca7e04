# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events as Server-Sent Events (HTML Living Standard, 9.2), many in one chunk.

While a thousand listeners are served, new events collect for the next chunk of each:
the more events there are, the less each of them costs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from kci_api.events.broadcast import Broadcast
from kci_api.events.byte_budget import Reader, Unread
from kci_api.events.rules import EventFilter

PING_S = 15.0
PING = b": ping\n\n"
"""Keeps connections open, and shows which clients have gone."""
CHUNK_BYTES = 64 << 10
"""A connection buffers one chunk, or two, until its client reads."""
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def chunks(
    broadcast: Broadcast,
    conditions: EventFilter,
    after: int,
    unread: Unread,
    reader: Reader,
) -> AsyncIterator[bytes]:
    """Yield the matching events after a position.

    End when the broadcast is closed, or when the reader is cut off.
    """
    try:
        while not broadcast.closed and not reader.cut_off:
            entries = await broadcast.read_after(after, timeout=PING_S)
            if entries:
                after = entries[-1].sequence
            elif not broadcast.closed:
                yield PING
            text = b"".join(
                one.frame for one in entries if conditions.matches(one.event)
            )
            entries = []  # they may be large, and a client may never read
            unread.hold(reader, len(text))
            for chunk in parts(text):
                yield chunk
                if reader.cut_off:
                    return
                if len(chunk) == CHUNK_BYTES:
                    await asyncio.sleep(0)  # let others send, and notice who has gone
            unread.release(reader)
    finally:
        unread.release(reader)


def parts(text: bytes) -> Iterator[bytes]:
    """Yield a text in parts of `CHUNK_BYTES`."""
    for begin in range(0, len(text), CHUNK_BYTES):
        yield text[begin : begin + CHUNK_BYTES]
