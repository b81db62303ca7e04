# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events as Server-Sent Events (HTML Living Standard, 9.2), many in one piece.

What happens while a thousand who listen are served comes to each in the next piece: so
the more there is to tell, the less each of it costs.
"""

from collections.abc import AsyncIterator

from kci_api.events.broadcast import Broadcast
from kci_api.events.rules import EventFilter

PING_S = 15.0
PING = b": ping\n\n"
"""Keeps connections open, and finds those whose client has gone."""
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def pieces(
    broadcast: Broadcast, wanted: EventFilter, after: int
) -> AsyncIterator[bytes]:
    """Yield what follows a place, as it happens, until the broadcast is closed."""
    while not broadcast.closed:
        entries = await broadcast.following(after, timeout=PING_S)
        if entries:
            after = entries[-1].sequence
        wished = [entry.frame for entry in entries if wanted.wants(entry.event)]
        if wished:
            yield b"".join(wished)
        elif not entries and not broadcast.closed:
            yield PING
