# SPDX-License-Identifier: LGPL-2.1-or-later
"""Remote places that are asked for news once a second at the most.

Labgrid's manager sleeps 0.1 s in each poll, and polls six times for each driver that is
activated: two seconds of every job. All kinds of remote resources name this one manager
class, so it is the class whose method is replaced, in the runner's process alone.
"""

import time

from labgrid.resource.remote import RemotePlaceManager

NEWS_S = 1.0


def calm_down() -> None:
    """Let a poll that follows soon on another be none."""
    poll = RemotePlaceManager.poll
    polled = 0.0

    def poll_now_and_then(self: RemotePlaceManager) -> None:
        nonlocal polled
        if time.monotonic() - polled > NEWS_S:
            poll(self)
            polled = time.monotonic()

    RemotePlaceManager.poll = poll_now_and_then
