# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a configuration runs on a revision, if everything passes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from kci_shared.config import (
    ANYWHERE,
    CHECKOUT,
    Built,
    Candidate,
    Config,
    Placement,
    Placements,
    Ruling,
    placements,
    rulings,
)
from kci_shared.models import Revision


@dataclass(frozen=True)
class Judged:
    """A test of a build (or of the sources alone) in one place, with every ruling."""

    build: Built | None
    place: Placement
    rulings: tuple[Ruling, ...]

    @property
    def runs(self) -> bool:
        """Whether every rule allows it."""
        return all(ruling.holds for ruling in self.rulings)


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
    """The builds and jobs of one revision."""

    config: Config
    revision: Revision
    any_kernel: bool = False
    """Assume any version of the kernel, not the revision's own."""

    @cached_property
    def _placements(self) -> Placements:
        return Placements(self.config)

    def judge(self, test: str) -> Iterator[Judged]:
        """Judge a test for each build that it needs, in each place."""
        for build in self.builds_of(test):
            for place in placements(self.config, test):
                yield Judged(build, place, tuple(self._rulings(place, build)))

    def lines(self) -> Iterator[Line]:
        """List everything that runs."""
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
        """List the builds that a test needs; None stands for the sources alone."""
        if self.config.line(test)[-1] == CHECKOUT:
            return [None]
        return [*self.config.builds_below(test)]

    def judge_build(self, build: Built) -> Iterator[Ruling]:
        """Judge a build by every rule of its entry, and of the branch."""
        when = self.config.builds[build.entry].when
        for ruling in when.rulings(self._candidate(build)):
            yield ruling.within("the build's when")
        tree = self.config.trees.get(self.revision.tree)
        branch = tree.branches.get(self.revision.branch) if tree else None
        if branch is not None and branch.arch:
            why = f"it allows {', '.join(branch.arch)}, the build is {build.arch}"
            yield Ruling("the branch's arch", build.arch in branch.arch, why)

    def _jobs(self, test: str, build: Built | None) -> Iterator[Line]:
        below = build.name if build else CHECKOUT
        candidate = self._candidate(build)
        for place in self._placements.of(test):
            fits = self._placements.runs(place, candidate)
            if fits and _all(self._needs(place, build)):
                at = f"{place.platform} in {place.lab}"
                yield Line(test, below, at, self.config.tests[test].when.kernel)

    def _rulings(self, place: Placement, build: Built | None) -> Iterator[Ruling]:
        if build is not None:
            yield from self.judge_build(build)
        yield from rulings(self.config, place, self._candidate(build))
        yield from self._needs(place, build)

    def _candidate(self, build: Built | None) -> Candidate:
        candidate = Candidate.of(self.revision, build)
        return replace(candidate, any_kernel=self.any_kernel)

    def _needs(self, place: Placement, build: Built | None) -> Iterator[Ruling]:
        """Judge whether the needs of a test run where they have to."""
        test = self.config.tests[place.test]
        for need in test.needs:
            if need in self.config.tests:
                runs = self._need_runs(place, build, need)
                why = f"'{need}' {'runs' if runs else 'does not run'} here"
                yield Ruling("the test's needs", runs, why)

    def _need_runs(self, place: Placement, build: Built | None, need: str) -> bool:
        test = self.config.tests[place.test]
        theirs = self.builds_of(need)
        return any(
            _all(self._rulings(other, one))
            for other in self._placements.of(need)
            if ANYWHERE in (other.platform, place.platform)
            or (
                other.platform == place.platform
                and (other.lab == place.lab or need != test.first_need)
            )
            for one in ([build] if build in theirs else theirs)
        )


def _all(rulings: Iterator[Ruling]) -> bool:
    return all(ruling.holds for ruling in rulings)
