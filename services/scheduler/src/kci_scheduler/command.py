# SPDX-License-Identifier: LGPL-2.1-or-later
"""``kci-config``: look at a configuration, for people at a terminal."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from kci_scheduler.explain import Verdict, verdicts
from kci_shared.config import Config, Problem, read
from kci_shared.config.problems import suggest
from kci_shared.models import Revision, Version

WRONG = 1
"""Exit status when the configuration, or a name that was asked for, is wrong."""


def start() -> None:
    """Run the command that the command line names."""
    sys.exit(run(sys.argv[1:], Console(soft_wrap=True, highlight=False)))


def run(arguments: Sequence[str], console: Console) -> int:
    """Run a command; return its exit status."""
    asked = _parser().parse_args(arguments)
    config, problems = read(asked.folder)
    if config is None:
        _show(problems, console)
        return WRONG
    if asked.command == "check":
        _show_sizes(config, console)
        return 0
    return _explain(config, asked, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kci-config", description="Look at the YAML.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="tell everything that is wrong")
    explain = commands.add_parser("explain", help="tell why a test runs, or doesn't")
    for command in (check, explain):
        command.add_argument("folder", type=Path, metavar="DIR")
    explain.add_argument("branch", metavar="TREE/BRANCH", type=_tree_and_branch)
    explain.add_argument("test", nargs="?", help="all tests, if none is named")
    explain.add_argument("--kernel", type=_version, help="its version, such as 6.7")
    return parser


def _tree_and_branch(text: str) -> tuple[str, str]:
    tree, slash, branch = text.partition("/")
    if not (tree and slash and branch):
        raise argparse.ArgumentTypeError(f"write {text!r} as TREE/BRANCH")
    return tree, branch


def _version(text: str) -> Version:
    try:
        version, patchlevel = (int(part) for part in text.split("."))
    except ValueError:
        raise argparse.ArgumentTypeError(f"write {text!r} as 6.7") from None
    return Version(version=version, patchlevel=patchlevel)


def _show(problems: list[Problem], console: Console) -> None:
    for problem in problems:
        place, what = escape(str(problem.place)), escape(problem.what)
        console.print(f"[bold]{place}:[/] [red]{what}[/]; {escape(problem.remedy)}")
    console.print(f"[bold red]{len(problems)} wrong[/]")


def _show_sizes(config: Config, console: Console) -> None:
    sizes = {
        "trees": len(config.trees),
        "builds": len(config.built),
        "tests": len(config.tests),
        "platforms": len(config.platforms),
        "labs": len(config.labs),
    }
    told = ", ".join(f"{number} {name}" for name, number in sizes.items())
    console.print(f"[green]right[/]: {told}")


def _explain(config: Config, asked: argparse.Namespace, console: Console) -> int:
    if asked.test and asked.test not in config.tests:
        hint = suggest(asked.test, config.tests)
        console.print(f"[red]no test '{escape(asked.test)}'[/]; {hint}")
        return WRONG
    tree, branch = asked.branch
    known = config.trees.get(tree)
    if known is None or branch not in known.branches:
        console.print(f"[yellow]{tree}/{branch} is not watched: somebody submits it[/]")
    revision = Revision(
        tree=tree,
        url=known.url if known else "",
        branch=branch,
        commit="",
        version=asked.kernel,
    )
    for test in [asked.test] if asked.test else config.tests:
        _show_verdicts(test, verdicts(config, test, revision), console)
    return 0


def _show_verdicts(test: str, judged: Iterable[Verdict], console: Console) -> None:
    console.print(f"[bold]{test}[/]")
    for build, places in groupby(judged, lambda verdict: verdict.build):
        console.print(f"  {build.name}")
        for verdict in places:
            place = f"{verdict.placement.platform} in {verdict.placement.lab}"
            if verdict.against:
                reasons = "; ".join(verdict.against)
                console.print(f"    [red]no[/]  {place}: {escape(reasons)}")
            else:
                console.print(f"    [green]yes[/] {place}")
