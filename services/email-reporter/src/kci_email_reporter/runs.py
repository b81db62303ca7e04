# SPDX-License-Identifier: LGPL-2.1-or-later
"""The runs in a tree of nodes: each build, boot and test counted once; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kci_email_reporter.labels import ReportType, Setup, report_type, test_name
from kci_email_reporter.text import inline
from kci_shared.models import Job, Kbuild, Node, Result, Test
from kci_shared.rules.verdicts import on_kernel

Lineage = list[Node]
"""A node, then its ancestors up to the build."""


@dataclass(frozen=True)
class Run:
    """A build, boot or test of a revision."""

    lineage: Lineage

    @property
    def node(self) -> Node:
        """The build, job or test itself."""
        return self.lineage[0]

    @property
    def type(self) -> ReportType:
        """Whether it is a build, a boot or a test."""
        return report_type(self.node)

    @property
    def verdict(self) -> Result | None:
        """Its verdict on the kernel: pass, fail, or None."""
        return verdict(self.lineage)

    @property
    def title(self) -> str:
        """What was built, booted or tested, and on what."""
        return self._row(test_name(self.lineage))

    @property
    def group(self) -> str:
        """The title that all tests of one job share."""
        job = next((node for node in self.lineage if isinstance(node, Job)), None)
        return self._row(inline(job.name if job else ""))

    def _row(self, name: str) -> str:
        setup = Setup.of(self.lineage)
        place = f"{setup.platform} ({setup.lab})" if setup.lab else setup.platform
        cells = [
            f"{self.type:<5}",
            name if self.type is ReportType.TEST else "",
            setup.arch,
            setup.config,
            setup.compiler,
            place if self.type is not ReportType.BUILD else "",
        ]
        return "  ".join(filter(None, cells))


def verdict(lineage: Sequence[Node]) -> Result | None:
    """Return a node's verdict on the kernel: pass, fail, or None.

    A node below an incomplete one has no verdict.
    """
    return on_kernel([node.result for node in lineage])


def find_runs(nodes: Sequence[Node]) -> list[Run]:
    """Return builds, boots and tests, without what only repeats a result below it.

    Of a repeated job only the last attempt counts.
    """
    by_id: dict[str, Node] = {
        node.id: node for node in nodes if isinstance(node, Kbuild | Job | Test)
    }
    lineages = _last_attempts([list(_up(node, by_id)) for node in by_id.values()])
    parents = {line[0].parent for line in lineages if isinstance(line[0], Test)}
    with_failure = {
        ancestor.id
        for lineage in lineages
        if verdict(lineage) is Result.FAIL
        for ancestor in lineage[1:]
    }
    return [
        Run(lineage)
        for lineage in lineages
        if lineage[0].id not in parents or _counts_itself(lineage, with_failure)
    ]


def passed_titles(runs: Sequence[Run]) -> list[str]:
    """Return a line for each passing build and boot, and for each job's passing tests.

    Tests of one job are one line, with their number.
    """
    passed = [run for run in runs if run.verdict is Result.PASS]
    tests = Counter(run.group for run in passed if run.type is ReportType.TEST)
    titles = [run.title for run in passed if run.type is not ReportType.TEST]
    return titles + [f"{group}: {amount(n, 'test')}" for group, n in tests.items()]


def amount(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 boot` or `2 boots`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _last_attempts(lineages: Sequence[Lineage]) -> list[Lineage]:
    """Drop attempts that have a later attempt, with all nodes below them."""
    last: dict[tuple[str | None, ...], int] = {}
    for node, *_ in lineages:
        last[_work(node)] = max(last.get(_work(node), 0), node.retry_counter)
    return [
        lineage
        for lineage in lineages
        if not any(node.retry_counter < last[_work(node)] for node in lineage)
    ]


def _work(node: Node) -> tuple[str | None, ...]:
    """Return what all attempts at the same work have in common."""
    setup = Setup.of([node])
    return (node.kind, node.parent, node.name, setup.platform, setup.lab)


def _up(node: Node, by_id: dict[str, Node]) -> Iterator[Node]:
    """Yield a node and its ancestors."""
    ancestor: Node | None = node
    while ancestor is not None:
        yield ancestor
        ancestor = by_id.get(ancestor.parent or "")


def _counts_itself(lineage: Lineage, with_failure: set[str]) -> bool:
    """Return whether a node with tests is a run itself, in addition to its tests.

    A boot always is. A job is if it did not pass, and a test if it failed, although no
    test below it failed.
    """
    node = lineage[0]
    if report_type(node) is ReportType.BOOT:
        return True
    if node.id in with_failure:
        return False
    if isinstance(node, Test):
        return verdict(lineage) is Result.FAIL
    return isinstance(node, Job) and node.result is not Result.PASS
