# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a test runs: on each platform that fits, in each lab that has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from kci_shared.config.candidate import Candidate, Verdict
from kci_shared.config.tests import ANY, NONE

if TYPE_CHECKING:  # which has this as one of its indexes
    from kci_shared.config.models import Config

ANYWHERE = "shell"
"""The platform of what needs none: a claim of a runtime asks for it by this name."""
ALIASES = {"dt": "dtb"}
ATTRIBUTES = ("name", "arch", "boot", "mach", "dtb", "compatible", "tags", *ALIASES)
"""What `on` may ask of a platform."""


@dataclass(frozen=True, order=True)
class Placement:
    """A test on a platform of a lab."""

    test: str
    lab: str
    platform: str


class Places:
    """Where each test may run, worked out once: nothing of it depends on a kernel."""

    def __init__(self, config: "Config") -> None:
        self._config = config
        self._known: dict[str, list[Placement]] = {}

    def of(self, test: str) -> list[Placement]:
        """List the places that a test may run in if the kernel fits."""
        if test not in self._known:
            self._known[test] = [
                place
                for place in placements(self._config, test)
                if all(verdict.holds for verdict in fixed_verdicts(self._config, place))
            ]
        return self._known[test]

    def runs(self, place: Placement, candidate: Candidate) -> bool:
        """Say whether a kernel fits a place that is one of a test's."""
        return all(v.holds for v in kernel_verdicts(self._config, place, candidate))


def placements(config: "Config", test: str) -> Iterator[Placement]:
    """List every place that there is, fit or not."""
    if (run := config.tests[test].run) is not None:
        yield Placement(test, run, ANYWHERE)
        return
    for lab_name, lab in config.labs.items():
        for platform in lab.platforms:
            yield Placement(test, lab_name, platform)


def verdicts(
    config: "Config", place: Placement, candidate: Candidate
) -> Iterator[Verdict]:
    """Judge by every rule whether a test of a kernel runs in a place."""
    yield from fixed_verdicts(config, place)
    yield from kernel_verdicts(config, place, candidate)


def fixed_verdicts(config: "Config", place: Placement) -> Iterator[Verdict]:
    """Judge by the rules that no kernel changes."""
    test = config.tests[place.test]
    if test.run is not None:
        return
    lab = config.labs[place.lab]
    taken = lab.tests_on(place.platform)
    holds = _takes(taken, place.test)
    only = f"it takes {', '.join(taken)}"
    yield Verdict("the lab's tests", holds, only)
    yield from fitness(config, place.platform, test.on)


def kernel_verdicts(
    config: "Config", place: Placement, candidate: Candidate
) -> Iterator[Verdict]:
    """Judge by the rules that depend on a kernel."""
    test = config.tests[place.test]
    yield from (v.within("the test's when") for v in test.when.verdicts(candidate))
    if test.run is not None:
        return
    platform, lab = config.platforms[place.platform], config.labs[place.lab]
    if platform.arch and candidate.arch:
        holds = candidate.arch in platform.arch
        archs = " or ".join(platform.arch)
        why = f"the platform is {archs}, the build {candidate.arch}"
        yield Verdict("arch", holds, why)
    for owner, when in (("lab", lab.when), ("platform", platform.when)):
        yield from (v.within(f"the {owner}'s when") for v in when.verdicts(candidate))


def _takes(patterns: list[str], test: str) -> bool:
    denied = [pattern[1:] for pattern in patterns if pattern[0] == "!"]
    allowed = [pattern for pattern in patterns if pattern[0] != "!"]
    if denied and not allowed:
        allowed = ["*"]
    return any(fnmatchcase(test, pattern) for pattern in allowed) and not any(
        fnmatchcase(test, pattern) for pattern in denied
    )


def fitness(config: "Config", name: str, on: dict[str, list[str]]) -> Iterator[Verdict]:
    """Judge whether a platform is as `on` wants it."""
    platform = config.platforms[name]
    for attribute, wanted in on.items():
        asked = ALIASES.get(attribute, attribute)
        said = [name] if asked == "name" else platform.says(asked)
        is_now = ", ".join(said) or "not said"
        if wanted == [ANY]:
            holds = bool(said)
        elif wanted == [NONE]:
            holds = not said
        else:
            holds = any(fnmatchcase(one, w) for one in said for w in wanted)
        why = f"the platform's {asked} is {is_now}, wanted is {' or '.join(wanted)}"
        yield Verdict(f"the test's on.{attribute}", holds, why)
