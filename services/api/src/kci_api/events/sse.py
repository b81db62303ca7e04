# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events as Server-Sent Events (HTML Living Standard, 9.2), many in one chunk.

While a thousand listeners are served, new events collect for the next chunk of each:
the more events there are, the less each of them costs.
"""

from collections.abc import AsyncIterator

from kci_api.events.broadcast import Broadcast
from kci_api.events.rules import EventFilter

PING_S = 15.0
PING = b": ping\n\n"
"""Keeps connections open, and shows which clients have gone."""
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def chunks(
    broadcast: Broadcast, conditions: EventFilter, after: int
) -> AsyncIterator[bytes]:
    """Yield the matching events after a position until the broadcast is closed."""
    while not broadcast.closed:
        entries = await broadcast.read_after(after, timeout=PING_S)
        if entries:
            after = entries[-1].sequence
        frames = [one.frame for one in entries if conditions.matches(one.event)]
        if frames:
            yield b"".join(frames)
        elif not entries and not broadcast.closed:
            yield PING
