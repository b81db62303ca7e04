# SPDX-License-Identifier: LGPL-2.1-or-later
"""Places that failed a job recently: they are avoided while other places work."""

import time
from collections.abc import Callable
from dataclasses import replace

from kci_labgrid_bridge.coordinator import GONE
from kci_labgrid_bridge.rules import Place
from kci_shared.models import ErrorCode
from kci_shared.work import RunOutcome

REST_S = 900.0
"""How long a place is avoided after a job failed there by a fault of the lab."""


class Resting:
    """The places to avoid, as seen by this bridge alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def note(self, outcome: RunOutcome) -> None:
        """Note how a job on a place ended."""
        if outcome.device is None or outcome.error_msg == GONE:
            return  # it is not the place's fault
        if outcome.error_code is ErrorCode.INFRASTRUCTURE:
            self._until[outcome.device] = self._clock() + REST_S
        elif outcome.error_code is not ErrorCode.CANCELED:
            self._until.pop(outcome.device, None)

    def mark(self, places: list[Place]) -> list[Place]:
        """Return the places, each marked if it should be avoided."""
        now = self._clock()
        return [replace(p, rests=self._until.get(p.name, now) > now) for p in places]
