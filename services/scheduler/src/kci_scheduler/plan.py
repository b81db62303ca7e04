# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plan what follows from a node: a pure function of configuration and nodes.

The job of a test with several needs is created below the first one. A node fulfils
another need if it is on the same platform, and below the nearest common ancestor by
`needs`. So the plan does not depend on which of them ends last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kci_scheduler import builds, jobs
from kci_scheduler.filters import lets_through
from kci_scheduler.rules import is_due_again, names, satisfies
from kci_scheduler.tree_nodes import Family
from kci_shared.config import ANYWHERE, Candidate, Config, Need, Placement, Placements
from kci_shared.models import Checkout, Job, Kbuild, NewNode, Node, Process


def followers(config: Config, node: Node) -> list[str]:
    """List the tests that need a node, whatever its state."""
    found = (config.followers.get(name, []) for name in sorted(names(config, node)))
    return list(dict.fromkeys(test for tests in found for test in tests))


def needs_others(config: Config, node: Node) -> bool:
    """Say whether a plan needs more nodes than one and those above it."""
    return any(len(config.tests[test].needs) > 1 for test in followers(config, node))


def tests_around(config: Config, node: Node) -> set[str]:
    """Return the tests whose jobs matter to the plan for a node."""
    around: set[str] = set()
    for test in followers(config, node):
        for need in config.tests[test].needs:
            around.update(name for name in config.line(need) if name in config.tests)
    return around


@dataclass(frozen=True)
class Plan:
    """Applies a configuration to the nodes that exist."""

    placements: Placements
    family: Family
    now: datetime

    @property
    def config(self) -> Config:
        """The configuration that the nodes follow from."""
        return self.placements.config

    def after(self, node: Node) -> list[NewNode]:
        """Return the nodes that follow from a node that has changed."""
        if is_due_again(self.config, node):
            return [self._again(node)]
        new = [
            job
            for test in followers(self.config, node)
            for parent in self._parents(test, node)
            for job in self._jobs_below(parent, test)
        ]
        # a test may need several entries, and find the same build by each
        return list({job.idempotency_key: job for job in new}.values())

    def _again(self, node: Node) -> NewNode:
        if isinstance(node, Kbuild):
            return builds.next_attempt(self.config, node, self.now)
        assert isinstance(node, Job | Process)
        return jobs.next_attempt(self.config, node, self.now)

    def _parents(self, test: str, node: Node) -> list[Node]:
        """List possible parents of a test's job, now that `node` has changed."""
        first = self.config.tests[test].first_need
        if first in names(self.config, node):
            return [node]
        return [one for one in self.family if first in names(self.config, one)]

    def _jobs_below(self, parent: Node, test: str) -> Iterator[NewNode]:
        line = self.family.line(parent)
        build = next((node for node in line if isinstance(node, Kbuild)), None)
        (_, state), *others = self.config.tests[test].needs.items()
        if not satisfies(self.config, parent, state):
            return
        candidate = self._candidate(parent, build)
        if candidate is None:
            return
        for place in self.placements.of(test):
            if (
                self.placements.runs(place, candidate)
                and _is_at_parents_place(place, parent)
                and lets_through(self.config, place, line)
                and all(self._has(*other, place, line) for other in others)
            ):
                yield jobs.first_attempt(self.config, place, parent, build, self.now)

    def _candidate(self, parent: Node, build: Kbuild | None) -> Candidate | None:
        """Return what a job would test; None if the configuration does not know it."""
        revision = (build or parent).data.kernel_revision
        if revision is None:
            return None
        if build is None:
            return Candidate(revision)
        built = self.config.built.get(build.name)
        return Candidate.of(revision, built[0]) if built else None

    def _has(self, need: str, state: Need, place: Placement, line: list[Node]) -> bool:
        """Say whether a node fulfils a need other than the first."""
        top = self._meeting_point(need, line)
        return any(
            need in names(self.config, node)
            and satisfies(self.config, node, state)
            and self._is_on(node, place.platform)
            and top in self.family.line(node)
            for node in self.family
        )

    def _meeting_point(self, need: str, line: list[Node]) -> Node | None:
        """Return the nearest node of a line that `need` is below, else its root."""
        above = set(self.config.line(need))
        named = [node for node in line if names(self.config, node) & above]
        return named[0] if named else line[-1]

    def _is_on(self, node: Node, name: str) -> bool:
        if isinstance(node, Checkout) or name == ANYWHERE:
            return True
        if isinstance(node, Kbuild):
            arch = self.config.built[node.name][0].arch
            return arch in (self.config.platforms[name].arch or [arch])
        assert isinstance(node, Job | Process)
        return node.data.platform in (name, ANYWHERE)


def _is_at_parents_place(place: Placement, parent: Node) -> bool:
    """Say whether a job runs in the lab and on the platform of its parent.

    A job without a platform may follow any job, and any job may follow it.
    """
    if not isinstance(parent, Job | Process):
        return True
    if ANYWHERE in (place.platform, parent.data.platform):
        return True
    return (parent.data.runtime, parent.data.platform) == (place.lab, place.platform)
