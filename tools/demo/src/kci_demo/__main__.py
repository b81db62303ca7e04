# SPDX-License-Identifier: LGPL-2.1-or-later
"""Show the whole system at work on this machine: ``kci-demo boot | build``."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from kci_demo.builds.run import demo_build
from kci_demo.builds.sources import MissingTools
from kci_demo.run import demo
from kci_local.processes import NotReady
from kci_local.site import Site

CONSOLE = Console()
DEMOS = {"boot": demo, "build": demo_build}


def start() -> None:
    """Run the demo that the command line asks for; exit 0 if all was as expected."""
    arguments = _parser().parse_args()
    site = Site.open(arguments.state, arguments.config, arguments.cache)
    show = DEMOS[arguments.demo]
    try:
        sys.exit(asyncio.run(show(CONSOLE, site, keep=arguments.keep)))
    except (MissingTools, NotReady) as error:
        CONSOLE.print(f"[red]{error}[/]", markup=True, soft_wrap=True)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kci-demo", description=__doc__)
    parser.add_argument("demo", choices=[*DEMOS])
    parser.add_argument("--state", type=Path, default=Path("var/demo"))
    parser.add_argument("--config", type=Path, default=Path("config"))
    parser.add_argument("--cache", type=Path, default=Path("var/cache"))
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    return parser


if __name__ == "__main__":
    start()
