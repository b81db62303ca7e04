# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which places had trouble lately: as long as others work, those are left alone."""

import time
from collections.abc import Callable
from dataclasses import replace

from kci_labgrid_bridge.coordinator import GONE
from kci_labgrid_bridge.rules import Place
from kci_shared.models import ErrorCode
from kci_shared.work import RunOutcome

REST_SECONDS = 900.0
"""How long a place is avoided that failed a job by a fault of the lab."""


class Rest:
    """What this bridge saw of each place; another bridge sees for itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def judge(self, outcome: RunOutcome) -> None:
        """Take note of how a place did."""
        if outcome.device is None or outcome.error_msg == GONE:
            return  # the place has done nothing
        if outcome.error_code is ErrorCode.INFRASTRUCTURE:
            self._until[outcome.device] = self._clock() + REST_SECONDS
        elif outcome.error_code is not ErrorCode.CANCELED:
            self._until.pop(outcome.device, None)

    def mark(self, places: list[Place]) -> list[Place]:
        """Say of each place whether it should rest."""
        now = self._clock()
        return [replace(p, rests=self._until.get(p.name, now) > now) for p in places]
