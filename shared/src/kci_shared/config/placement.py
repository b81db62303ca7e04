# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a test runs: on each platform that matches, in each lab that has it.

A function of the configuration, not a part of it: see `Placements`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kci_shared.config.candidate import Candidate, Ruling
from kci_shared.config.models import Config
from kci_shared.config.tests import ANY, NONE

ANYWHERE = "shell"
"""The platform of jobs that need none; bridges claim them by this name."""
ALIASES = {"dt": "dtb"}
ATTRIBUTES = ("name", "arch", "boot", "mach", "dtb", "compatible", "tags", *ALIASES)
"""What `on` may ask of a platform."""


@dataclass(frozen=True, order=True)
class Placement:
    """A test on a platform of a lab."""

    test: str
    lab: str
    platform: str


class Placements:
    """Where each test of a configuration may run; computed once, on first use."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._known: dict[str, list[Placement]] = {}

    def of(self, test: str) -> list[Placement]:
        """List where a test may run if the kernel fits."""
        if test not in self._known:
            self._known[test] = [
                placement
                for placement in placements(self.config, test)
                if all(ruling.holds for ruling in fixed_rulings(self.config, placement))
            ]
        return self._known[test]

    def runs(self, placement: Placement, candidate: Candidate) -> bool:
        """Say whether a kernel fits a placement of a test."""
        return all(v.holds for v in kernel_rulings(self.config, placement, candidate))


def placements(config: Config, test: str) -> Iterator[Placement]:
    """List a test on every platform of every lab, allowed or not."""
    if (run := config.tests[test].run) is not None:
        yield Placement(test, run, ANYWHERE)
        return
    for lab_name, lab in config.labs.items():
        for platform in lab.platforms:
            yield Placement(test, lab_name, platform)


def rulings(
    config: Config, placement: Placement, candidate: Candidate
) -> Iterator[Ruling]:
    """Apply every rule to a test of a kernel at a placement."""
    yield from fixed_rulings(config, placement)
    yield from kernel_rulings(config, placement, candidate)


def fixed_rulings(config: Config, placement: Placement) -> Iterator[Ruling]:
    """Apply the rules that do not depend on a kernel."""
    test = config.tests[placement.test]
    if test.run is not None:
        return
    lab = config.labs[placement.lab]
    taken = lab.tests_on(placement.platform)
    holds = _takes(taken, placement.test)
    only = f"it takes {', '.join(taken)}"
    yield Ruling("the lab's tests", holds, only)
    yield from fitness(config, placement.platform, test.on)


def kernel_rulings(
    config: Config, placement: Placement, candidate: Candidate
) -> Iterator[Ruling]:
    """Apply the rules that depend on a kernel."""
    test = config.tests[placement.test]
    yield from (v.within("the test's when") for v in test.when.rulings(candidate))
    if test.run is not None:
        return
    platform, lab = config.platforms[placement.platform], config.labs[placement.lab]
    if platform.arch and candidate.arch:
        holds = candidate.arch in platform.arch
        archs = " or ".join(platform.arch)
        why = f"the platform is {archs}, the build {candidate.arch}"
        yield Ruling("arch", holds, why)
    for owner, when in (("lab", lab.when), ("platform", platform.when)):
        yield from (v.within(f"the {owner}'s when") for v in when.rulings(candidate))


def _takes(patterns: list[str], test: str) -> bool:
    denied = [pattern[1:] for pattern in patterns if pattern[0] == "!"]
    allowed = [pattern for pattern in patterns if pattern[0] != "!"]
    if denied and not allowed:
        allowed = ["*"]
    return any(fnmatchcase(test, pattern) for pattern in allowed) and not any(
        fnmatchcase(test, pattern) for pattern in denied
    )


def fitness(config: Config, name: str, on: dict[str, list[str]]) -> Iterator[Ruling]:
    """Compare a platform with a test's `on`."""
    platform = config.platforms[name]
    for attribute, required in on.items():
        key = ALIASES.get(attribute, attribute)
        values = [name] if key == "name" else platform.values_of(key)
        shown = ", ".join(values) or "not set"
        if required == [ANY]:
            holds = bool(values)
        elif required == [NONE]:
            holds = not values
        else:
            holds = any(
                fnmatchcase(one, pattern) for one in values for pattern in required
            )
        why = f"the platform's {key} is {shown}, required: {' or '.join(required)}"
        yield Ruling(f"the test's on.{attribute}", holds, why)
