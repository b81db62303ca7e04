# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Job that the bridge awaits: its last known state, and that of its pods."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kci_kubernetes_bridge.objects import Job, Pod, Watched
from kci_kubernetes_bridge.verdicts import JobVerdict, verdict_of
from kci_shared.models import Progress

OnProgress = Callable[[Progress], None]

PROGRESS = {"Pending": Progress.QUEUED, "Running": Progress.TESTING}
"""By a pod's phase; those that are missing are ends."""


@dataclass
class Flight:
    """One Job as far as the watch has seen it."""

    name: str
    job: Job | None = None
    pods: dict[str, Pod] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    was_seen: bool = False
    is_gone: bool = False
    on_progress: OnProgress = lambda _: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pod(self) -> Pod | None:
        """The newest pod: one that was deleted may have a successor."""
        created = [
            (p.metadata.creation_timestamp or "", n) for n, p in self.pods.items()
        ]
        return self.pods[max(created)[1]] if created else None

    def update(self, state: Watched) -> None:
        """Store the state of the Job, or of a pod of it."""
        if isinstance(state, Pod):
            self.pods[state.metadata.name] = state
            if progress := PROGRESS.get(state.status.phase):
                self.on_progress(progress)
        elif isinstance(state, Job):
            self.job, self.was_seen = state, True
        self.changed.set()

    def remove(self, kind: type[Watched], name: str) -> None:
        """Store that the Job, or a pod of it, no longer exists."""
        if kind is Pod:
            self.pods.pop(name, None)
        else:
            self.job, self.is_gone = None, True
        self.changed.set()

    def verdict(self) -> JobVerdict | None:
        """Return how the run ended; None while it goes on, or was not seen yet."""
        if not self.was_seen and not self.is_gone:
            return None
        return verdict_of(self.job, self.pod)
