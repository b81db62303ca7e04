# SPDX-License-Identifier: LGPL-2.1-or-later
"""What follows from a node: a pure function of the configuration and the nodes.

A test that needs several things hangs below the one that is listed first. Each other
one counts if it is on the same platform, and below the nearest node that both hang
below by their `needs`. So the plan is the same, whichever of them comes to be last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kci_scheduler import jobs
from kci_scheduler.family import Family
from kci_scheduler.filters import lets_through
from kci_scheduler.rules import is_due_again, known_as, satisfies
from kci_shared.config import Config, Need, Placement, placements, refusals
from kci_shared.models import Job, Kbuild, NewNode, Node


def followers(config: Config, node: Node) -> list[str]:
    """Name the tests that need a node, whatever it has come to."""
    return config.followers.get(known_as(config, node) or "", [])


def needs_others(config: Config, node: Node) -> bool:
    """Say whether planning takes more than a node and what is above it."""
    return any(len(config.tests[test].needs) > 1 for test in followers(config, node))


@dataclass(frozen=True)
class Plan:
    """What is wanted, and what is there."""

    config: Config
    family: Family

    def after(self, node: Node) -> list[NewNode]:
        """Say which nodes follow from one that has just come to something."""
        if isinstance(node, Job) and is_due_again(self.config, node):
            return [jobs.next_attempt(node)]
        return [
            job
            for test in followers(self.config, node)
            for parent in self._parents(test, node)
            for job in self._jobs_below(parent, test)
        ]

    def _parents(self, test: str, node: Node) -> list[Node]:
        """Find what a test may hang below, now that `node` is there."""
        first = self.config.tests[test].first_need
        if known_as(self.config, node) == first:
            return [node]
        return [other for other in self.family if known_as(self.config, other) == first]

    def _jobs_below(self, parent: Node, test: str) -> Iterator[NewNode]:
        line = self.family.line(parent)
        build = next((node for node in line if isinstance(node, Kbuild)), None)
        (_, state), *others = self.config.tests[test].needs.items()
        if build is None or not satisfies(self.config, parent, state):
            return
        for placement in placements(self.config, test):
            if (
                self._runs(placement, build)
                and _stays(placement, parent)
                and lets_through(self.config, placement, line)
                and all(self._has(*other, placement, line) for other in others)
            ):
                yield jobs.first_attempt(self.config, placement, parent, build)

    def _runs(self, placement: Placement, build: Kbuild) -> bool:
        revision, built = build.data.kernel_revision, self.config.built.get(build.name)
        if revision is None or built is None:
            return False
        return not any(refusals(self.config, placement, revision, built.arch))

    def _has(
        self, need: str, state: Need, placement: Placement, line: list[Node]
    ) -> bool:
        """Say whether a need besides the first is there, for what hangs below it."""
        top = self._meeting_point(need, line)
        return any(
            known_as(self.config, node) == need
            and satisfies(self.config, node, state)
            and self._is_on(node, placement.platform)
            and top in self.family.line(node)
            for node in self.family
        )

    def _meeting_point(self, need: str, line: list[Node]) -> Node | None:
        """Find the nearest of a line's nodes that `need` hangs below, else its root."""
        above = self.config.line(need)
        named = [node for node in line if known_as(self.config, node) in above]
        return named[0] if named else line[-1]

    def _is_on(self, node: Node, platform: str) -> bool:
        if isinstance(node, Kbuild):
            arch = self.config.platforms[platform].arch
            return self.config.built[node.name].arch == arch
        return isinstance(node, Job) and node.data.platform == platform


def _stays(placement: Placement, parent: Node) -> bool:
    """Say whether a job is where its parent was: same lab, same platform."""
    if not isinstance(parent, Job):
        return True
    was_at = (parent.data.runtime, parent.data.platform)
    return was_at == (placement.lab, placement.platform)
