# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a test runs: on each platform that fits, in each lab that has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kci_shared.config.models import ANY, Config, Platform
from kci_shared.models import Revision


@dataclass(frozen=True, order=True)
class Placement:
    """A test on a platform of a lab."""

    test: str
    lab: str
    platform: str


def placements(config: Config, test: str) -> Iterator[Placement]:
    """List every place that there is, fit or not."""
    for lab_name, lab in config.labs.items():
        for platform in lab.platforms:
            yield Placement(test, lab_name, platform)


def refusals(
    config: Config, placement: Placement, revision: Revision, arch: str
) -> Iterator[str]:
    """Say why a test of a build does not run in a place; nothing when it does."""
    test, lab = config.tests[placement.test], config.labs[placement.lab]
    platform = config.platforms[placement.platform]
    if platform.arch != arch:
        yield f"the platform is {platform.arch}, the build {arch}"
    yield from unfit(platform, test.on)
    if refused := test.when.refusal(revision, arch):
        yield f"the test's when.{refused}"
    if refused := lab.when.refusal(revision, arch):
        yield f"the lab's when.{refused}"
    if not any(fnmatchcase(placement.test, taken) for taken in lab.tests):
        yield f"the lab takes only {', '.join(lab.tests)}"


def unfit(platform: Platform, on: dict[str, list[str]]) -> Iterator[str]:
    """Say which attributes of a platform are not as `on` wants them."""
    for attribute, wanted in on.items():
        said = platform.says(attribute)
        if wanted == [ANY] and not said:
            yield f"the platform has no {attribute}"
        if wanted != [ANY] and not set(wanted) & set(said):
            is_now = ", ".join(said) or "not said"
            yield f"the platform's {attribute} is {is_now}, not {' or '.join(wanted)}"
