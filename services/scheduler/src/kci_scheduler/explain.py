# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a test runs on a revision, or why it doesn't: every place with its reasons."""

from collections.abc import Iterator
from dataclasses import dataclass

from kci_shared.config import BUILD, Built, Config, Placement, placements, refusals
from kci_shared.models import Revision


@dataclass(frozen=True)
class Verdict:
    """A test of a build in one place; it runs there if nothing is against it."""

    build: Built
    placement: Placement
    against: list[str]


def verdicts(config: Config, test: str, revision: Revision) -> Iterator[Verdict]:
    """Judge a test for each build that it hangs below, in each place there is."""
    for build in config.matrix():
        if BUILD + build.entry == config.line(test)[-1]:
            for placement in placements(config, test):
                against = [*_against(config, placement, revision, build.arch)]
                yield Verdict(build, placement, against)


def _against(
    config: Config, placement: Placement, revision: Revision, arch: str
) -> Iterator[str]:
    yield from refusals(config, placement, revision, arch)
    test = config.tests[placement.test]
    for need in test.needs:
        if need not in config.tests:
            continue
        labs = [placement.lab] if need == test.first_need else config.labs
        places = {Placement(need, lab, placement.platform) for lab in labs}
        if all(
            any(_against(config, place, revision, arch))
            for place in places & {*placements(config, need)}
        ):
            yield f"'{need}', which it needs, does not run here"
