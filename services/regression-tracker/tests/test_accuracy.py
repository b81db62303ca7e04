# SPDX-License-Identifier: LGPL-2.1-or-later
"""Against a known truth: what broke, what is flaky, where the lab was down.

Run as a program it prints the table of docs/regressions.md.
"""

import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_regression_tracker.breaks import Sample, Tally, look_back, tallies_of

START = datetime(2026, 1, 1, tzinfo=UTC)
BREAKS_EVERY = 250
"""On average, in revisions."""
LONG = 8
"""How many revisions a break lasts, on average."""
SKIPPED = 0.1
"""Share of the revisions on which a test does not run at all."""
HOLES = 0.05
"""Share of the runs that end as `incomplete`; in an outage all of them do."""


@dataclass(frozen=True)
class Truth:
    """One test of a branch: its true breaks, and its runs."""

    breaks: list[range]
    """The revisions in which it is really broken."""
    runs: list[Sample]
    """Passes and failures only: what the lab spoiled is not in here."""

    def seen(self) -> list[range]:
        """Return the breaks that left a trace: good before, and then bad, twice."""
        tallies = tallies_of(self.runs)
        return [span for span in self.breaks if _was_seen(span, tallies)]


def _was_seen(span: range, tallies: list[Tally]) -> bool:
    bad = [one for one in tallies if number(one.samples[0]) in span]
    before = [one for one in tallies if number(one.samples[0]) < span.start]
    was_good = bool(before) and before[-1].margin > 0
    return was_good and sum(-one.margin for one in bad) > 1


def number(run: Sample) -> int:
    """Return the place of a run's revision on its branch."""
    return int(run.commit)


def make_test(dice: random.Random, revisions: int, flaky: float, reruns: int) -> Truth:
    """Make the history of one test; what fails is run again up to `reruns` times."""
    breaks = _breaks(dice, revisions)
    broken = {revision for span in breaks for revision in span}
    down = _outages(dice, revisions)
    runs: list[Sample] = []
    for revision in range(revisions):
        if dice.random() < SKIPPED:
            continue
        for attempt in range(1 + reruns):
            if revision in down or dice.random() < HOLES:
                continue
            passed = revision not in broken and dice.random() >= flaky
            runs.append(_run(revision, attempt, passed))
            if passed and attempt == 0:
                break
    return Truth(breaks, runs)


def _run(revision: int, attempt: int, passed: bool) -> Sample:
    began = START + timedelta(hours=revision)
    return Sample(
        id=f"{revision:04}-{attempt}",
        commit=f"{revision:04}",
        began=began,
        created=began + timedelta(minutes=attempt),
        passed=passed,
        treeid=f"tree-{revision:04}",
        on_tag=revision % 20 == 0,
    )


def _breaks(dice: random.Random, revisions: int) -> list[range]:
    spans: list[range] = []
    start = 1 + int(dice.expovariate(1 / BREAKS_EVERY))
    while start < revisions:
        stop = start + 1 + int(dice.expovariate(1 / LONG))
        spans.append(range(start, min(stop, revisions)))
        start = stop + 2 + int(dice.expovariate(1 / BREAKS_EVERY))
    return spans


def _outages(dice: random.Random, revisions: int) -> set[int]:
    starts = [dice.randrange(revisions) for _ in range(revisions // 100)]
    return {start + day for start in starts for day in range(dice.randint(1, 8))}


@dataclass
class Score:
    """How what is reported compares with what is true."""

    reported: int = 0
    right: int = 0
    """Reported, and something was broken."""
    exact: int = 0
    """The first bad revision is the one, of those that were tested."""
    there: int = 0
    found: int = 0

    def add(self, test: Truth) -> None:
        """Count one test."""
        rows = [
            {number(run) for run in one.failed} for one in look_back(test.runs).breaks
        ]
        seen = test.seen()
        self.reported += len(rows)
        self.right += sum(any(row & set(span) for span in test.breaks) for row in rows)
        self.exact += sum(any(min(row) in span for span in test.breaks) for row in rows)
        self.there += len(seen)
        self.found += sum(any(row & set(span) for row in rows) for span in seen)

    @property
    def figures(self) -> list[float]:
        """Precision, recall, and the share of exact first revisions."""
        shares = (
            (self.right, self.reported),
            (self.found, self.there),
            (self.exact, self.right),
        )
        return [part / whole if whole else 1.0 for part, whole in shares]


def score(tests: dict[float, int], reruns: int) -> Score:
    """Judge tests over 1,000 revisions: so many that fail so often by chance."""
    dice = random.Random(6)  # noqa: S311 - no secret
    result = Score()
    for flaky, number_of in tests.items():
        for _ in range(number_of):
            result.add(make_test(dice, 1000, flaky, reruns))
    return result


MIXED = {0: 60, 0.01: 15, 0.03: 10, 0.1: 10, 0.3: 5}
"""How many tests of a hundred fail by chance, and how often."""


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_the_order_in_which_runs_are_known_changes_nothing(
    seed: int, order: random.Random
) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    story = make_test(dice, 40, 0.2, 2).runs
    shuffled = story + story[: len(story) // 2]
    order.shuffle(shuffled)
    assert look_back(shuffled) == look_back(story)


@pytest.mark.parametrize(
    ("reruns", "precision", "recall", "exact"),
    [(0, 0.97, 0.85, 0.93), (2, 0.99, 0.93, 0.97)],
)
def test_a_thousand_revisions_are_judged_as_the_docs_say(
    reruns: int, precision: float, recall: float, exact: float
) -> None:
    found = score({0: 6, 0.01: 2, 0.03: 1, 0.1: 1}, reruns)
    assert found.there > 20
    assert found.figures[0] >= precision
    assert found.figures[1] >= recall
    assert found.figures[2] >= exact


def main() -> None:
    """Print the table of docs/regressions.md."""
    rows = ["| fails by chance | runs again | breaks | precision | recall | exact |"]
    rows += ["|---|---|---|---|---|---|"]
    kinds = [(f"{flaky:.0%}", {flaky: 60}) for flaky in MIXED] + [("mixed", MIXED)]
    for name, tests in kinds:
        for reruns in (0, 2):
            found = score(tests, reruns)
            figures = " | ".join(f"{figure:.3f}" for figure in found.figures)
            rows.append(f"| {name} | {reruns} | {found.there} | {figures} |")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
