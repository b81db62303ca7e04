# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a channel is down, and when it is probed: a state machine without a clock."""

from collections.abc import Callable
from dataclasses import dataclass, replace

FIRST_PAUSE_S = 0.5
"""Until the first probe; each further pause is twice as long."""
LONGEST_PAUSE_S = 30.0
JITTER = 0.2
"""Pauses are shorter by up to this part, so that replicas do not probe together."""


@dataclass(frozen=True)
class Outage:
    """Why and since when a channel is down."""

    seen: str
    reason: str
    remedy: str
    since: float


class Breaker:
    """Up or down. `jitter` returns a number from 0 to 1; times are in seconds.

    A channel that fails again soon after a probe got through, as when a token may read
    but not write, is not new: its pauses continue to grow.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self.outage: Outage | None = None
        self._jitter = jitter
        self._pause_s = 0.0
        self._up_since = 0.0
        self._down_before_s = 0.0

    @property
    def is_down(self) -> bool:
        """Whether the channel is down."""
        return self.outage is not None

    def fail(self, fault: Outage) -> bool:
        """Note a fault of the channel; return whether it was up before."""
        if self.outage is not None:
            self.outage = replace(fault, since=self.outage.since)
            return False
        if fault.since - self._up_since > self._pause_s:
            self._pause_s = 0.0
        self.outage = fault
        return True

    def pause_s(self) -> float:
        """Return how long to wait before the next probe."""
        self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        return self._pause_s * (1 - JITTER * self._jitter())

    def recover(self, now: float) -> None:
        """Note that a probe got through."""
        self._down_before_s = self.down_s(now)
        self.outage = None
        self._up_since = now

    def down_s(self, now: float) -> float:
        """Return for how long, in all, the channel has been down."""
        if self.outage is None:
            return self._down_before_s
        return self._down_before_s + now - self.outage.since
