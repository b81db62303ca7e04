# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verdicts in a tree of nodes: each build, boot and test once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kci_email_reporter.labels import Setup, report_type, test_name
from kci_email_reporter.text import word
from kci_shared.models import Job, Kbuild, Node, Result, Test

Line = list[Node]
"""A node, then its parents up to the build."""


@dataclass(frozen=True)
class Run:
    """One verdict on a revision: a build, a boot or a test."""

    line: Line

    @property
    def kind(self) -> str:
        """One of `build`, `boot` and `test`."""
        return report_type(self.line[0])

    @property
    def verdict(self) -> str:
        """What it says about the kernel: `pass`, `fail`, or `none`."""
        return verdict(self.line)

    @property
    def title(self) -> str:
        """What was built, booted or tested, and on what."""
        return self._row(test_name(self.line))

    @property
    def group(self) -> str:
        """The title that all tests of one job have in common."""
        job = next((node for node in self.line if isinstance(node, Job)), None)
        return self._row(word(job.name if job else ""))

    def _row(self, test: str) -> str:
        setup = Setup.of(self.line)
        on = f"{setup.platform} ({setup.lab})" if setup.lab else setup.platform
        cells = [f"{self.kind:<5}", test if self.kind == "test" else ""]
        cells += [setup.arch, setup.config, setup.compiler]
        cells += [on] if self.kind != "build" else []
        return "  ".join(filter(None, cells))


def verdict(line: Sequence[Node]) -> str:
    """Judge the kernel: `pass`, `fail`, or `none` when something else failed.

    What a run says of its tests is worth nothing when it did not come to its end.
    """
    if any(node.result is Result.INCOMPLETE for node in line):
        return "none"
    result = line[0].result
    return result if result in (Result.PASS, Result.FAIL) else "none"


def find_runs(nodes: Sequence[Node]) -> list[Run]:
    """Find the builds, the boots, and the tests that have no tests below them.

    Of a job that was run again, only the last attempt counts.
    """
    by_id: dict[str, Node] = {
        node.id: node for node in nodes if isinstance(node, Kbuild | Job | Test)
    }
    given_up = _given_up(list(by_id.values()))
    lines = [list(_line(node, by_id)) for node in by_id.values()]
    lines = [line for line in lines if not any(n.id in given_up for n in line)]
    groups = {line[0].parent for line in lines if isinstance(line[0], Test)}
    failing = {
        node.id for line in lines if verdict(line) == "fail" for node in line[1:]
    }
    return [
        Run(line)
        for line in lines
        if line[0].id not in groups or _stands_alone(line, failing)
    ]


def passed(runs: Sequence[Run]) -> list[str]:
    """List what passes: each build and boot, and the tests of each job as a number."""
    fine = [run for run in runs if run.verdict == "pass"]
    tests = Counter(run.group for run in fine if run.kind == "test")
    rows = [run.title for run in fine if run.kind != "test"]
    return rows + [f"{group}: {amount(n, 'test')}" for group, n in tests.items()]


def amount(number: int, thing: str) -> str:
    """Say how many, such as `1 boot` or `2 boots`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _given_up(nodes: Sequence[Node]) -> set[str]:
    """Return the attempts that another one followed."""
    last: Counter[tuple[str | None, ...]] = Counter()
    for node in nodes:
        last[_job(node)] = max(last[_job(node)], node.retry_counter)
    return {node.id for node in nodes if node.retry_counter < last[_job(node)]}


def _job(node: Node) -> tuple[str | None, ...]:
    """Return what the attempts of a job have in common."""
    setup = Setup.of([node])
    return (node.kind, node.parent, node.name, setup.platform, setup.lab)


def _line(node: Node, by_id: dict[str, Node]) -> Iterator[Node]:
    above: Node | None = node
    while above is not None:
        yield above
        above = by_id.get(above.parent or "")


def _stands_alone(line: Line, failing: set[str]) -> bool:
    """Say whether a node that has tests says more than they do.

    A boot always does; a job does when it failed and none of its tests did.
    """
    if not isinstance(line[0], Job):
        return False
    return report_type(line[0]) == "boot" or (
        line[0].result is not Result.PASS and line[0].id not in failing
    )
