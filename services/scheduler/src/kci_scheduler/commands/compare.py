# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a change of the configuration brings: jobs gained and lost."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from kci_scheduler.commands.outlook import Line, Outlook
from kci_shared.config import Config
from kci_shared.models import Revision

Lines = dict[Line, set[str]]
"""What would run, with the branches on which it would."""


def all_lines(config: Config) -> Lines:
    """List what runs on the branches that are watched, and on one that is not."""
    found: Lines = {}
    for branch, revision in _revisions(config):
        outlook = Outlook(config, revision, any_kernel=True)
        for line in outlook.lines():
            found.setdefault(line, set()).add(branch)
    return found


def _revisions(config: Config) -> Iterator[tuple[str, Revision]]:
    for tree, said in config.trees.items():
        for branch in said.branches:
            named = Revision(tree=tree, url=said.url, branch=branch, commit="")
            yield f"{tree}/{branch}", named
    other = Revision(tree="-", url="", branch="-", commit="")
    yield "trees that are not watched", other


def show(old: Config, new: Config, console: Console) -> int:
    """Tell what the new configuration gains and loses; return how much."""
    before, after = all_lines(old), all_lines(new)
    gained = _less(after, before)
    lost = _less(before, after)
    for sign, colour, lines in (("-", "red", lost), ("+", "green", gained)):
        for line, branches in sorted(lines.items()):
            told = f"{sign} {line}: {_named(branches)}"
            console.print(f"[{colour}]{escape(told)}[/]")
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
