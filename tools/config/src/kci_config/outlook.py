# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that a configuration has run on a revision, if everything passes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kci_shared.config import (
    ANYWHERE,
    CHECKOUT,
    Built,
    Candidate,
    Config,
    Placement,
    Verdict,
    placements,
    verdicts,
)
from kci_shared.models import Revision


@dataclass(frozen=True)
class Judged:
    """A test of a build (or of the sources alone) in one place, with all verdicts."""

    build: Built | None
    place: Placement
    verdicts: tuple[Verdict, ...]

    @property
    def runs(self) -> bool:
        """Say whether nothing is against it."""
        return all(verdict.holds for verdict in self.verdicts)


@dataclass(frozen=True, order=True)
class Line:
    """One build or job that would run; `kernels` if not on all of them."""

    name: str
    below: str = ""
    place: str = ""
    kernels: str = ""

    def __str__(self) -> str:
        below = f" of {self.below}" if self.below else ""
        place = f" on {self.place}" if self.place else ""
        kernels = f" if kernel {self.kernels}" if self.kernels else ""
        return f"{self.name}{below}{place}{kernels}"


@dataclass(frozen=True)
class Outlook:
    """What a configuration makes of a revision."""

    config: Config
    revision: Revision
    any_kernel: bool = False
    """Look at kernels of all versions, whatever the revision's is."""

    def judge(self, test: str) -> Iterator[Judged]:
        """Judge a test for each build that it hangs below, in each place there is."""
        for build in self.builds_of(test):
            for place in placements(self.config, test):
                yield Judged(build, place, tuple(self._verdicts(place, build)))

    def lines(self) -> Iterator[Line]:
        """List all that runs."""
        for name, shared in self.config.built.items():
            for built in shared:
                entry = self.config.builds[built.entry]
                if not entry.external and _all(self.judge_build(built)):
                    yield Line(name, kernels=entry.when.kernel)
                    break
        for test in self.config.tests:
            for build in self.builds_of(test):
                if build is None or _all(self.judge_build(build)):
                    yield from self._jobs(test, build)

    def builds_of(self, test: str) -> list[Built | None]:
        """List the builds that a test hangs below; None for the sources alone."""
        if self.config.line(test)[-1] == CHECKOUT:
            return [None]
        return [*self.config.builds_below(test)]

    def judge_build(self, build: Built) -> Iterator[Verdict]:
        """Judge a build by every rule of its entry, and of the branch."""
        when = self.config.builds[build.entry].when
        for verdict in when.verdicts(self._candidate(build)):
            yield verdict.within("the build's when")
        tree = self.config.trees.get(self.revision.tree)
        branch = tree.branches.get(self.revision.branch) if tree else None
        if branch is not None and branch.arch:
            why = f"it wants {', '.join(branch.arch)}, the build is {build.arch}"
            yield Verdict("the branch's arch", build.arch in branch.arch, why)

    def _jobs(self, test: str, build: Built | None) -> Iterator[Line]:
        below = build.name if build else CHECKOUT
        candidate = self._candidate(build)
        for place in self.config.places.of(test):
            fits = self.config.places.runs(place, candidate)
            if fits and _all(self._needs(place, build)):
                at = f"{place.platform} in {place.lab}"
                yield Line(test, below, at, self.config.tests[test].when.kernel)

    def _verdicts(self, place: Placement, build: Built | None) -> Iterator[Verdict]:
        if build is not None:
            yield from self.judge_build(build)
        yield from verdicts(self.config, place, self._candidate(build))
        yield from self._needs(place, build)

    def _candidate(self, build: Built | None) -> Candidate:
        candidate = Candidate.of(self.revision, build)
        return replace(candidate, any_kernel=self.any_kernel)

    def _needs(self, place: Placement, build: Built | None) -> Iterator[Verdict]:
        """Judge whether what a test needs runs where it has to."""
        test = self.config.tests[place.test]
        for need in test.needs:
            if need in self.config.tests:
                runs = self._need_runs(place, build, need)
                why = f"'{need}' {'runs' if runs else 'does not run'} here"
                yield Verdict("the test's needs", runs, why)

    def _need_runs(self, place: Placement, build: Built | None, need: str) -> bool:
        test = self.config.tests[place.test]
        theirs = self.builds_of(need)
        return any(
            _all(self._verdicts(other, one))
            for other in self.config.places.of(need)
            if ANYWHERE in (other.platform, place.platform)
            or (
                other.platform == place.platform
                and (other.lab == place.lab or need != test.first_need)
            )
            for one in ([build] if build in theirs else theirs)
        )


def _all(told: Iterator[Verdict]) -> bool:
    return all(verdict.holds for verdict in told)
