# SPDX-License-Identifier: LGPL-2.1-or-later
"""Polls remote places once a second at most.

Labgrid's manager sleeps 0.1 s in each poll, and polls six times for each driver that is
activated: two seconds of every job. All kinds of remote resources use this manager
class, so its method is replaced, in the runner's process only.
"""

import time

from labgrid.resource.remote import RemotePlaceManager

MIN_PERIOD_S = 1.0


def limit_polls() -> None:
    """Skip a poll that follows too soon after another."""
    poll = RemotePlaceManager.poll
    polled = 0.0

    def poll_if_due(self: RemotePlaceManager) -> None:
        nonlocal polled
        if time.monotonic() - polled > MIN_PERIOD_S:
            poll(self)
            polled = time.monotonic()

    RemotePlaceManager.poll = poll_if_due
