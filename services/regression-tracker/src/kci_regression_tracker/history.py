# SPDX-License-Identifier: LGPL-2.1-or-later
"""From all verdicts on one test to its breaks; the order of arrival plays no part.

The rules stand in docs/regressions.md.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

WINDOW = 50
"""How many revisions before a failure tell whether the test is a flaky one."""
CHANCE = 1e-5
"""A flaky test is broken when chance alone gives such a row of failures so rarely."""


@dataclass(frozen=True)
class Run:
    """One verdict of a test."""

    id: str
    commit: str
    began: datetime
    """When the checkout was made that it ran on: this is what orders revisions."""
    created: datetime
    passed: bool
    treeid: str = ""
    on_tag: bool = False
    proven: bool = False
    """It failed, and shows why: no build fails by chance, nor does a kernel oops."""


@dataclass(frozen=True)
class Verdict:
    """What all runs of one revision say together."""

    runs: tuple[Run, ...]

    @property
    def passes(self) -> list[Run]:
        """The runs that passed, the oldest first."""
        return [run for run in self.runs if run.passed]

    @property
    def fails(self) -> list[Run]:
        """The runs that failed, the oldest first."""
        return [run for run in self.runs if not run.passed]

    @property
    def margin(self) -> int:
        """More passes than failures: it passes; as many: nobody knows."""
        return len(self.passes) - len(self.fails)


@dataclass(frozen=True)
class Break:
    """A test passed, and failed from some revision on."""

    passed: Run | None
    """The last good run; None when it is older than what is known of the test."""
    failed: tuple[Run, ...]
    fixed: Run | None = None
    """The first run that passed again; None while it goes on failing."""
    tag: Run | None = None
    """The last run on a tag before."""


@dataclass(frozen=True)
class Past:
    """What is known of a test."""

    verdicts: Sequence[Verdict]
    breaks: Sequence[Break]
    flakes: int
    """How many runs failed by chance, as it seems, over the last revisions."""
    doubtful: Sequence[Verdict]
    """The failures at the end that may be chance, too."""


def verdicts_of(runs: Iterable[Run]) -> list[Verdict]:
    """Sort runs into revisions, in the order of these.

    A commit stands where it was checked out first; it is tested again, not anew.
    """
    by_commit: dict[str, list[Run]] = {}
    for run in set(runs):
        by_commit.setdefault(run.commit, []).append(run)
    place = {
        commit: min(run.began for run in same) for commit, same in by_commit.items()
    }
    return [
        Verdict(tuple(sorted(by_commit[commit], key=lambda run: (run.created, run.id))))
        for commit in sorted(by_commit, key=lambda commit: (place[commit], commit))
    ]


def look_back(runs: Iterable[Run]) -> Past:
    """Find the breaks of a test: a function of the set of its runs alone."""
    verdicts = verdicts_of(runs)
    reader = _Reader()
    for verdict in verdicts:
        reader.read(verdict)
    return Past(verdicts, reader.all_breaks(), reader.flakes, reader.doubtful())


def failures_needed(runs: int, flakes: int) -> int:
    """Say how many failures in a row are no chance, after so many runs and flakes."""
    if flakes == 0:
        return 2  # once may be chance; twice is a regression
    rate = (flakes + 1) / (runs + 2)
    return max(2, math.ceil(math.log(CHANCE) / math.log(rate)))


@dataclass
class _Reader:
    """Reads the revisions one after the other."""

    breaks: list[Break] = field(default_factory=list)
    good: Run | None = None
    tag: Run | None = None
    tag_before: Run | None = None
    row: list[Verdict] = field(default_factory=list)
    """The revisions that fail, up to here."""
    recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    """Of each revision that was not broken: its runs, and those that failed."""

    @property
    def flakes(self) -> int:
        return sum(failed for _, failed in self.recent)

    def read(self, verdict: Verdict) -> None:
        if verdict.margin < 0:
            self.tag_before = self.tag_before if self.row else self.tag
            self.row.append(verdict)
        elif verdict.margin > 0:
            self._end_row(verdict.passes[0])
            self.good = verdict.passes[-1]
        if verdict.margin >= 0:
            self._note(verdict)
        if verdict.margin and verdict.runs[0].on_tag:
            self.tag = verdict.fails[-1] if verdict.margin < 0 else verdict.passes[-1]

    def all_breaks(self) -> list[Break]:
        return self.breaks + ([self._broken(None)] if self._is_break() else [])

    def doubtful(self) -> list[Verdict]:
        return [] if self._is_break() else self.row

    def _end_row(self, fixed: Run) -> None:
        is_break = self._is_break()
        if is_break:
            self.breaks.append(self._broken(fixed))
        if self.good and not is_break:
            for verdict in self.row:
                self._note(verdict)
        self.row = []

    @property
    def _evidence(self) -> int:
        return -sum(verdict.margin for verdict in self.row)

    def _is_break(self) -> bool:
        runs = sum(number for number, _ in self.recent)
        is_proven = any(run.proven for verdict in self.row for run in verdict.fails)
        needed = 1 if is_proven else failures_needed(runs, self.flakes)
        return bool(self.row) and self._evidence >= needed

    def _broken(self, fixed: Run | None) -> Break:
        failed = tuple(run for verdict in self.row for run in verdict.fails)
        return Break(self.good, failed, fixed, self.tag_before)

    def _note(self, verdict: Verdict) -> None:
        self.recent.append((len(verdict.runs), len(verdict.fails)))
