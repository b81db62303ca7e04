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
from kci_shared.errors import ConfigError
from kci_shared.models import Revision, Version
from kci_shared.problems import suggest

WRONG = 1
"""Exit status when the configuration, or a name on the command line, is wrong."""
SHOWN = 3
"""How many places of a finding are listed."""


def start() -> None:
    """Run the command that the command line names."""
    sys.exit(run(sys.argv[1:], Console(soft_wrap=True, highlight=False)))


def run(arguments: Sequence[str], console: Console) -> int:
    """Run a command; return its exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace, Console], int] = options.run
    try:
        return command(options, console)
    except ConfigError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kci-config", description="Look at a configuration before it goes live."
    )
    commands = parser.add_subparsers(required=True)
    for name, (runs, about, add_arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=about)
        command.set_defaults(run=runs)
        add_arguments(command)
    return parser


def _folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="DIR")


def _what_to_explain(command: argparse.ArgumentParser) -> None:
    _folder(command)
    command.add_argument("branch", metavar="TREE/BRANCH", type=_tree_and_branch)
    command.add_argument("test", nargs="?", help="default: all tests")
    about = "the kernel's version, such as 6.7"
    command.add_argument("--kernel", type=_version, help=about)
    command.add_argument("--platform", help="show this platform only")


def _old_and_new(command: argparse.ArgumentParser) -> None:
    for name in ("old", "new"):
        command.add_argument(name, type=Path, metavar=name.upper())


def _what_to_import(command: argparse.ArgumentParser) -> None:
    _folder(command)
    command.add_argument("--out", type=Path, help="an empty folder for the result")
    command.add_argument("--all", action="store_true", help="list every place")


def _tree_and_branch(text: str) -> tuple[str, str]:
    tree, slash, branch = text.partition("/")
    if not (tree and slash and branch):
        raise argparse.ArgumentTypeError(f"not TREE/BRANCH: {text!r}")
    return tree, branch


def _version(text: str) -> Version:
    try:
        version, patchlevel = (int(part) for part in text.split("."))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"not a version such as 6.7: {text!r}"
        ) from None
    return Version(version=version, patchlevel=patchlevel)


def _valid(folder: Path, console: Console) -> Config:
    """Return a configuration; show its errors and raise if it has any."""
    config, problems = read(folder)
    if config is None:
        show_problems(problems, console)
        raise ConfigError(f"{len(problems)} errors")
    return config


def show_problems(problems: list[Problem], console: Console) -> None:
    """Show each problem with its place and its remedy."""
    for problem in problems:
        place, what = escape(str(problem.location)), escape(problem.what)
        console.print(f"[bold]{place}:[/] [red]{what}[/]; {escape(problem.remedy)}")


def _check(options: argparse.Namespace, console: Console) -> int:
    config = _valid(options.folder, console)
    sizes = {
        "trees": len(config.trees),
        "builds": len(config.built),
        "tests": len(config.tests),
        "platforms": len(config.platforms),
        "labs": len(config.labs),
    }
    summary = ", ".join(f"{number} {name}" for name, number in sizes.items())
    console.print(f"[green]valid[/]: {summary}")
    placements = Placements(config)
    for name in config.tests:
        if not placements.of(name):
            console.print(f"[yellow]no lab takes test '{escape(name)}'[/]")
    return 0


def _explain(options: argparse.Namespace, console: Console) -> int:
    config = _valid(options.folder, console)
    for name, defined in (
        (options.test, config.tests),
        (options.platform, config.platforms),
    ):
        if name and name not in defined:
            hint = suggest(name, defined)
            console.print(f"[red]unknown '{escape(name)}'[/]; {hint}")
            return WRONG
    tree, branch = options.branch
    watched = config.trees.get(tree)
    if watched is None or branch not in watched.branches:
        console.print(
            f"[yellow]{tree}/{branch} is not watched: only submitted checkouts run[/]"
        )
    url = watched.url if watched else ""
    revision = Revision(
        tree=tree, url=url, branch=branch, commit="", version=options.kernel
    )
    outlook = Outlook(config, revision)
    if options.test:
        explain.show_test(outlook, options.test, options.platform, console)
    else:
        explain.show_all(outlook, options.platform, console)
    return 0


def _diff(options: argparse.Namespace, console: Console) -> int:
    compare.show(_valid(options.old, console), _valid(options.new, console), console)
    return 0


def _graph(options: argparse.Namespace, console: Console) -> int:
    for line in graph.mermaid(_valid(options.folder, console)):
        console.print(escape(line))
    return 0


def _import(options: argparse.Namespace, console: Console) -> int:
    report = Report()
    sections = upstream.translate(
        upstream.Upstream.read(options.folder, report), report
    )
    _show_report(report, options, console)
    if options.out is None:
        return 0
    upstream.write(sections, options.out)
    _valid(options.out, console)
    console.print(f"[green]valid[/]: written to {options.out}")
    return 0


def _show_report(report: Report, options: argparse.Namespace, console: Console) -> None:
    for (category, what), places in sorted(report.findings.items()):
        shown = places if options.all else places[:SHOWN]
        more = (
            f" and {len(places) - len(shown)} more" if len(places) > len(shown) else ""
        )
        text = f"{what}: {', '.join(shown)}{more}"
        console.print(f"[bold]{category}[/] {escape(text)}")
    balance = f"{report.pairs_kept} of {report.pairs} (job x platform) pairs translated"
    console.print(f"[bold]{balance}[/]")
    for reason, number in sorted(report.pairs_lost.items(), key=lambda one: -one[1]):
        console.print(f"  {number} dropped: {escape(reason)}")


COMMANDS: dict[
    str,
    tuple[
        Callable[[argparse.Namespace, Console], int],
        str,
        Callable[[argparse.ArgumentParser], None],
    ],
] = {
    "check": (_check, "list all errors", _folder),
    "explain": (_explain, "show why a test runs or does not", _what_to_explain),
    "diff": (
        _diff,
        "show which builds and jobs a change gains and loses",
        _old_and_new,
    ),
    "graph": (_graph, "draw builds, tests and their needs as a flowchart", _folder),
    "import-upstream": (_import, "translate KernelCI's configuration", _what_to_import),
}
"""Each command: what runs, what it is for, and what adds its arguments."""
