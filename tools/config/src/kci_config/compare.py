# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which builds and jobs a change of the configuration gains and loses."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from kci_config.outlook import Line, Outlook
from kci_shared.config import Build, Candidate, Config, Lab, Platform, Test, When
from kci_shared.models import Revision

Lines = dict[Line, set[str]]
"""What would run, with the branches on which it runs."""


def all_lines(config: Config) -> Lines:
    """List what runs on each watched branch, and on one that is not watched."""
    lines: Lines = {}
    alike: dict[tuple[object, ...], list[Line]] = {}
    rules = _branch_rules(config)
    for branch, revision in _revisions(config):
        # branches for which all rules about branches agree have the same lines
        key = (_archs(config, revision), *_judged(rules, revision))
        if key not in alike:
            outlook = Outlook(config, revision, any_kernel=True)
            alike[key] = list(outlook.lines())
        for line in alike[key]:
            lines.setdefault(line, set()).add(branch)
    return lines


def _branch_rules(config: Config) -> list[When]:
    entries: list[Build | Test | Platform | Lab] = [
        *config.builds.values(),
        *config.tests.values(),
        *config.platforms.values(),
        *config.labs.values(),
    ]
    by_rule = {(*one.when.tree, "", *one.when.branch): one.when for one in entries}
    return [
        When(tree=when.tree, branch=when.branch)
        for when in by_rule.values()
        if when.tree or when.branch
    ]


def _archs(config: Config, revision: Revision) -> tuple[str, ...]:
    tree = config.trees.get(revision.tree)
    branch = tree.branches.get(revision.branch) if tree else None
    return tuple(branch.arch or ()) if branch else ()


def _judged(rules: list[When], revision: Revision) -> list[bool]:
    return [when.holds(Candidate(revision)) for when in rules]


def _revisions(config: Config) -> Iterator[tuple[str, Revision]]:
    for name, tree in config.trees.items():
        for branch in tree.branches:
            revision = Revision(tree=name, url=tree.url, branch=branch, commit="")
            yield f"{name}/{branch}", revision
    other = Revision(tree="-", url="", branch="-", commit="")
    yield "trees that are not watched", other


def show(old: Config, new: Config, console: Console) -> int:
    """Show what the new configuration gains and loses; return how much."""
    before, after = all_lines(old), all_lines(new)
    gained = _less(after, before)
    lost = _less(before, after)
    for sign, colour, lines in (("-", "red", lost), ("+", "green", gained)):
        for line, branches in sorted(lines.items()):
            text = f"{sign} {line}: {_named(branches)}"
            console.print(f"[{colour}]{escape(text)}[/]")
    console.print(f"{_sum(gained)} gained, {_sum(lost)} lost, on all branches")
    return len(gained) + len(lost)


def _less(some: Lines, others: Lines) -> Lines:
    """Return what only `some` has, branch by branch."""
    rest = {line: names - others.get(line, set()) for line, names in some.items()}
    return {line: branches for line, branches in rest.items() if branches}


def _sum(lines: Lines) -> int:
    return sum(len(branches) for branches in lines.values())


def _named(branches: set[str]) -> str:
    first, *others = sorted(branches)
    return f"{first} and {len(others)} more" if others else first
