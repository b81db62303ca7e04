# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the whole system on this machine: ``kci-local up | down``."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from kci_local.processes import NotReady
from kci_local.site import Site
from kci_local.stack import ALL, KNOWN, Stack, UnknownService

CONSOLE = Console()


def start() -> None:
    """Run the command that the command line names."""
    arguments = _parser().parse_args()
    site = Site.open(arguments.state, arguments.config, arguments.cache)
    if arguments.api_port:
        site.ports["api"] = arguments.api_port
    try:
        sys.exit(asyncio.run(_run(arguments, site)))
    except (NotReady, UnknownService) as error:
        CONSOLE.print(f"[red]{error}[/]", markup=True, soft_wrap=True)
        sys.exit(1)


async def _run(arguments: argparse.Namespace, site: Site) -> int:
    if arguments.command == "up":
        return await _up(site, arguments.services.split() or ALL)
    await Stack(site).down()
    return 0


async def _up(site: Site, services: list[str]) -> int:
    await Stack(site).up(services)
    CONSOLE.print(f"API:         {site.url('api')}", soft_wrap=True)
    if services != ["api"]:
        CONSOLE.print(f"storage:     {site.url('storage')}", soft_wrap=True)
    CONSOLE.print(f"admin token: {site.secrets.path('admin.token')}", soft_wrap=True)
    CONSOLE.print(f"logs:        {site.state / 'log'}", soft_wrap=True)
    CONSOLE.print(
        "environment for a service NAME of your own:", _environment(site, services)
    )
    return 0


def _environment(site: Site, services: list[str]) -> str:
    """Return shell commands that set the environment of one more service."""
    token = site.secrets.path("NAME.token").absolute()
    variables = {
        "KCI_API_URL": site.url("api"),
        "KCI_REDIS_URL": site.redis_url,
        "KCI_TOKEN_FILE": str(token),
    }
    if services != ["api"]:
        variables["KCI_STORAGE_URL"] = site.url("storage")
    return "".join(f"\n  export {name}={value}" for name, value in variables.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kci-local", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--state", type=Path, default=Path("var/local"))
    parser.add_argument("--config", type=Path, default=Path("config"))
    parser.add_argument("--cache", type=Path, default=Path("var/cache"))
    parser.add_argument("--api-port", type=int, help="default: a free one, remembered")
    parser.add_argument(
        "--services", default="", help=f"of {' '.join(KNOWN)}; default: {' '.join(ALL)}"
    )
    return parser


if __name__ == "__main__":
    start()
