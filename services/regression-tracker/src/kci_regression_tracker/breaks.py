# SPDX-License-Identifier: LGPL-2.1-or-later
"""Find the breaks of a test in all its results, in whatever order they arrive.

The rules are in docs/regressions.md.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

WINDOW = 50
"""How many revisions before a failure show how flaky the test is."""
CHANCE = 1e-5
"""A flaky test is broken if chance gives such a row of failures more rarely."""


@dataclass(frozen=True)
class Sample:
    """One run of a test, reduced to what its history needs."""

    id: str
    commit: str
    began: datetime
    """When its checkout was created: revisions are ordered by this."""
    created: datetime
    passed: bool
    treeid: str = ""
    on_tag: bool = False
    proven: bool = False
    """It failed for a reason that chance excludes: a build, or a fault in the log."""


@dataclass(frozen=True)
class Tally:
    """The samples of one revision."""

    samples: tuple[Sample, ...]

    @property
    def passes(self) -> list[Sample]:
        """The samples that passed, oldest first."""
        return [run for run in self.samples if run.passed]

    @property
    def fails(self) -> list[Sample]:
        """The samples that failed, oldest first."""
        return [run for run in self.samples if not run.passed]

    @property
    def margin(self) -> int:
        """Passes minus failures: positive if it passes, 0 if undecided."""
        return len(self.passes) - len(self.fails)


@dataclass(frozen=True)
class Break:
    """A test passed, and fails from some revision on."""

    passed: Sample | None
    """The last good sample; None if it is older than the known history."""
    failed: tuple[Sample, ...]
    fixed: Sample | None = None
    """The first sample that passed again; None while the test fails."""
    tag: Sample | None = None
    """The last sample on a tag before the break."""


@dataclass(frozen=True)
class Past:
    """The history of a test."""

    tallies: Sequence[Tally]
    breaks: Sequence[Break]
    flakes: int
    """How many samples of the last revisions seem to have failed by chance."""
    doubtful: Sequence[Tally]
    """Failures at the end of the history that may still be chance."""


def tallies_of(samples: Iterable[Sample]) -> list[Tally]:
    """Group samples by revision, and order the revisions.

    A commit is ordered by its first checkout: a later run of it is no new revision.
    """
    by_commit: dict[str, list[Sample]] = {}
    for run in set(samples):
        by_commit.setdefault(run.commit, []).append(run)
    place = {
        commit: min(run.began for run in same) for commit, same in by_commit.items()
    }
    return [
        Tally(tuple(sorted(by_commit[commit], key=lambda run: (run.created, run.id))))
        for commit in sorted(by_commit, key=lambda commit: (place[commit], commit))
    ]


def look_back(samples: Iterable[Sample]) -> Past:
    """Find the breaks of a test: a function of the set of its samples."""
    tallies = tallies_of(samples)
    reader = _Reader()
    for tally in tallies:
        reader.read(tally)
    return Past(tallies, reader.all_breaks(), reader.flakes, reader.doubtful())


def failures_needed(runs: int, flakes: int) -> int:
    """Return how many failures in a row prove a break of such a flaky test."""
    if flakes == 0:
        return 2  # one failure may be chance, two are a regression
    rate = (flakes + 1) / (runs + 2)
    return max(2, math.ceil(math.log(CHANCE) / math.log(rate)))


@dataclass
class _Reader:
    """Reads the revisions in order."""

    breaks: list[Break] = field(default_factory=list)
    good: Sample | None = None
    tag: Sample | None = None
    tag_before: Sample | None = None
    row: list[Tally] = field(default_factory=list)
    """The failing revisions up to here."""
    recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    """For each revision that was not broken: how many samples, how many failed."""

    @property
    def flakes(self) -> int:
        return sum(failed for _, failed in self.recent)

    def read(self, tally: Tally) -> None:
        if tally.margin < 0:
            self.tag_before = self.tag_before if self.row else self.tag
            self.row.append(tally)
        elif tally.margin > 0:
            self._end_row(tally.passes[0])
            self.good = tally.passes[-1]
        if tally.margin >= 0:
            self._note(tally)
        if tally.margin and tally.samples[0].on_tag:
            self.tag = tally.fails[-1] if tally.margin < 0 else tally.passes[-1]

    def all_breaks(self) -> list[Break]:
        return self.breaks + ([self._broken(None)] if self._is_break() else [])

    def doubtful(self) -> list[Tally]:
        return [] if self._is_break() else self.row

    def _end_row(self, fixed: Sample) -> None:
        is_break = self._is_break()
        if is_break:
            self.breaks.append(self._broken(fixed))
        if self.good and not is_break:
            for tally in self.row:
                self._note(tally)
        self.row = []

    @property
    def _evidence(self) -> int:
        return -sum(tally.margin for tally in self.row)

    def _is_break(self) -> bool:
        runs = sum(number for number, _ in self.recent)
        is_proven = any(run.proven for tally in self.row for run in tally.fails)
        needed = 1 if is_proven else failures_needed(runs, self.flakes)
        return bool(self.row) and self._evidence >= needed

    def _broken(self, fixed: Sample | None) -> Break:
        failed = tuple(run for tally in self.row for run in tally.fails)
        return Break(self.good, failed, fixed, self.tag_before)

    def _note(self, tally: Tally) -> None:
        self.recent.append((len(tally.samples), len(tally.fails)))
