# SPDX-License-Identifier: LGPL-2.1-or-later
"""``kci-config``: the command line."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from kci_config import compare, explain, graph, upstream
from kci_config.outlook import Outlook
from kci_config.upstream.report import Report
from kci_shared.config import Config, Placements, Problem, read
from kci_shared.config.problems import suggest
from kci_shared.errors import ConfigError
from kci_shared.models import Revision, Version

WRONG = 1
"""Exit status when the configuration, or a name that was asked for, is wrong."""
SHOWN = 3
"""How many places of a finding are named."""


def start() -> None:
    """Run the command that the command line names."""
    sys.exit(run(sys.argv[1:], Console(soft_wrap=True, highlight=False)))


def run(arguments: Sequence[str], console: Console) -> int:
    """Run a command; return its exit status."""
    asked = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace, Console], int] = asked.run
    try:
        return command(asked, console)
    except ConfigError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kci-config", description="Look at the YAML.")
    commands = parser.add_subparsers(required=True)

    def add(name: str, does: Callable[..., int], about: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about)
        command.set_defaults(run=does)
        return command

    check = add("check", _check, "tell everything that is wrong")
    why = add("explain", _explain, "tell why a test runs, or doesn't")
    diff = add("diff", _diff, "tell which builds and jobs a change gains and loses")
    draw = add("graph", _graph, "draw what needs what, as a mermaid flowchart")
    bring = add("import-upstream", _import, "translate KernelCI's configuration")
    for command in (check, why, draw):
        command.add_argument("folder", type=Path, metavar="DIR")
    why.add_argument("branch", metavar="TREE/BRANCH", type=_tree_and_branch)
    why.add_argument("test", nargs="?", help="all tests, if none is named")
    why.add_argument("--kernel", type=_version, help="its version, such as 6.7")
    why.add_argument("--platform", help="look at this one only")
    for name in ("old", "new"):
        diff.add_argument(name, type=Path, metavar=name.upper())
    bring.add_argument("folder", type=Path, metavar="DIR")
    bring.add_argument("--out", type=Path, help="an empty folder for ours")
    bring.add_argument("--all", action="store_true", help="name every place")
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


def _right(folder: Path, console: Console) -> Config:
    """Return a configuration, or show all that is wrong with it and give up."""
    config, problems = read(folder)
    if config is None:
        show_problems(problems, console)
        raise ConfigError(f"{len(problems)} wrong")
    return config


def show_problems(problems: list[Problem], console: Console) -> None:
    """Tell each problem with its place and its remedy."""
    for problem in problems:
        place, what = escape(str(problem.location)), escape(problem.what)
        console.print(f"[bold]{place}:[/] [red]{what}[/]; {escape(problem.remedy)}")


def _check(asked: argparse.Namespace, console: Console) -> int:
    config = _right(asked.folder, console)
    sizes = {
        "trees": len(config.trees),
        "builds": len(config.built),
        "tests": len(config.tests),
        "platforms": len(config.platforms),
        "labs": len(config.labs),
    }
    told = ", ".join(f"{number} {name}" for name, number in sizes.items())
    console.print(f"[green]right[/]: {told}")
    placements = Placements(config)
    for name in config.tests:
        if not placements.of(name):
            console.print(f"[yellow]no lab takes test '{escape(name)}'[/]")
    return 0


def _explain(asked: argparse.Namespace, console: Console) -> int:
    config = _right(asked.folder, console)
    for name, known in ((asked.test, config.tests), (asked.platform, config.platforms)):
        if name and name not in known:
            hint = suggest(name, known)
            console.print(f"[red]there is no '{escape(name)}'[/]; {hint}")
            return WRONG
    tree, branch = asked.branch
    watched = config.trees.get(tree)
    if watched is None or branch not in watched.branches:
        console.print(f"[yellow]{tree}/{branch} is not watched: somebody submits it[/]")
    url = watched.url if watched else ""
    revision = Revision(
        tree=tree, url=url, branch=branch, commit="", version=asked.kernel
    )
    outlook = Outlook(config, revision)
    if asked.test:
        explain.show_test(outlook, asked.test, asked.platform, console)
    else:
        explain.show_all(outlook, asked.platform, console)
    return 0


def _diff(asked: argparse.Namespace, console: Console) -> int:
    compare.show(_right(asked.old, console), _right(asked.new, console), console)
    return 0


def _graph(asked: argparse.Namespace, console: Console) -> int:
    for line in graph.mermaid(_right(asked.folder, console)):
        console.print(escape(line))
    return 0


def _import(asked: argparse.Namespace, console: Console) -> int:
    report = Report()
    made = upstream.translate(upstream.Upstream.read(asked.folder, report), report)
    _show_report(report, asked, console)
    if asked.out is None:
        return 0
    upstream.write(made, asked.out)
    _right(asked.out, console)
    console.print(f"[green]right[/]: written to {asked.out}")
    return 0


def _show_report(report: Report, asked: argparse.Namespace, console: Console) -> None:
    for (sort, what), places in sorted(report.findings.items()):
        shown = places if asked.all else places[:SHOWN]
        more = (
            f" and {len(places) - len(shown)} more" if len(places) > len(shown) else ""
        )
        told = f"{what}: {', '.join(shown)}{more}"
        console.print(f"[bold]{sort}[/] {escape(told)}")
    told = f"{report.pairs_kept} of {report.pairs} (job x platform) pairs came over"
    console.print(f"[bold]{told}[/]")
    for reason, number in sorted(report.pairs_lost.items(), key=lambda one: -one[1]):
        console.print(f"  {number} did not: {escape(reason)}")
