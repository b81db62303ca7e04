# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many events a process reads ahead."""

import time
from collections.abc import Callable

from kci_shared.events.lanes import Lanes

BATCH = 200
"""How many entries one read returns at most."""
AHEAD_S = 0.25
"""For how long the handlers have work: the rest is left to other replicas."""
LANE_DEPTH = 4
"""How many events there are for each lane at least: some may be of one tree."""


class Pace:
    """Says how many events this process is to have, by how fast it handles them."""

    def __init__(
        self, lanes: Lanes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lanes = lanes
        self._clock = clock
        self._least = LANE_DEPTH * lanes.at_once
        self.begin()

    def begin(self) -> None:
        """Measure from now on."""
        self._start, self._ended = self._clock(), self._lanes.ended

    def allowance(self) -> int:
        """Return how many events the handlers need to have work for some time."""
        elapsed_s = max(self._clock() - self._start, 1e-3)
        rate = (self._lanes.ended - self._ended) / elapsed_s
        return min(max(self._least, int(rate * AHEAD_S)), BATCH)
