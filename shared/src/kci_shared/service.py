# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a service: settings, log, health checks, stop signals."""

import argparse
import asyncio
import inspect
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console
from rich.table import Table

from kci_shared.channels.openings import collected
from kci_shared.errors import ConfigError, KciError
from kci_shared.events.connection import open_redis
from kci_shared.events.dead_command import dead, parse_arguments
from kci_shared.health import READINESS, Readiness, serve_health
from kci_shared.logging import configure, get_logger
from kci_shared.secret import is_secret
from kci_shared.settings import PREFIX, BaseServiceSettings, ServiceSettings, variables

S = TypeVar("S", bound=BaseServiceSettings)
E = TypeVar("E", bound=ServiceSettings)
Main = Callable[[S, asyncio.Event], Awaitable[None]]
Check = Callable[[S, list[str]], Awaitable[int]]
"""Checks whether the service could work; returns the exit status.

With the URLs of a kernel and a ramdisk it boots these, too.
"""

USAGE = 2
"""Exit status when the settings are wrong."""


DEAD_HELP = "\n\ndead list | show | replay | drop: the events that were given up."


def run_consumer(main: Main[E], settings_type: type[E], group: str) -> None:
    """Run a service that handles the events of a consumer group, as `run` does.

    With the arguments `dead ...` only that command is run.
    """
    if sys.argv[1:2] != ["dead"]:
        run(main, settings_type, more_help=DEAD_HELP)
        return
    asked = parse_arguments(_program(), sys.argv[2:])
    settings = load_settings(settings_type)
    sys.exit(asyncio.run(_dead(settings.redis_url, group, asked)))


async def _dead(redis_url: str, group: str, asked: argparse.Namespace) -> int:
    async with open_redis(redis_url) as redis:
        return await dead(redis, group, asked)


def run(
    main: Main[S],
    settings_type: type[S],
    check: Check[S] | None = None,
    more_help: str = "",
) -> None:
    """Run `main(settings, stop)` until it returns; SIGTERM and SIGINT set `stop`.

    With `--check` only `check` is run, which prints what is wrong.
    """
    asked = _parse_arguments(main, settings_type, check, more_help)
    settings = load_settings(settings_type)
    if check is not None and asked.check:
        configure(settings.log_format, "critical")
        sys.exit(asyncio.run(_awaited(check(settings, asked.job))))
    configure(settings.log_format, settings.log_level)
    log = get_logger(main.__module__)
    log.info("started")
    try:
        asyncio.run(_run(main, settings))
    except KciError as error:
        log.error("stopped", reason=str(error))  # noqa: TRY400 - no bug
        sys.exit(1)
    log.info("stopped")


async def _awaited(answer: Awaitable[int]) -> int:
    return await answer


async def _run(main: Main[S], settings: S) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    readiness = Readiness()
    READINESS.set(readiness)
    host, port = settings.health_host, settings.health_port
    with collected() as readiness.channels:
        async with serve_health(host, port, readiness):
            readiness.ready = True
            await main(settings, stop)


def _parse_arguments(
    main: Main[S], settings_type: type[S], check: Check[S] | None, more_help: str
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(_program(), add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    if check is not None:
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--job", nargs="+", default=[], metavar="URL")
    asked = parser.parse_args()
    if asked.help:
        summary = (inspect.getdoc(main) or "") + more_help
        more = "\n\n--check: check what the service needs, print problems, exit."
        more += "\n--check --job KERNEL [RAMDISK]: boot these, too."
        print_help(_program(), summary + more * (check is not None), settings_type)
        sys.exit()
    return asked


def _program() -> str:
    return os.path.basename(sys.argv[0])  # noqa: PTH119 - a name, not a path


def print_help(
    name: str, summary: str, settings_type: type[BaseServiceSettings]
) -> None:
    """Print what the service does, and its settings."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("setting", "default", "what it is"):
        table.add_column(heading, no_wrap=heading == "setting")
    for variable in variables(settings_type.model_fields):
        table.add_row(*variable)
    console = Console()
    console.print(f"[bold]{name}[/]: {summary}\n")
    console.print(table)


def load_settings(settings_type: type[S]) -> S:
    """Read the settings from the environment; print what is wrong there, and exit."""
    try:
        return settings_type()
    except ValidationError as error:
        lines = [_problem(one, settings_type) for one in error.errors()]
    except ConfigError as error:
        lines = [str(error)]
    print(*lines, "See --help for all settings.", sep="\n", file=sys.stderr)  # noqa: T201
    sys.exit(USAGE)


def _problem(error: ErrorDetails, settings_type: type[BaseServiceSettings]) -> str:
    """Return a line that names the variable, what is wrong with it, and the remedy."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:  # several variables that do not go together
        return message
    name = str(error["loc"][0])
    variable = f"{PREFIX}{name}".upper()
    if error["type"] != "missing":
        return f"{variable}: {message}"
    field = settings_type.model_fields[name]
    remedy = f", or {variable}_FILE to a file that holds it" if is_secret(field) else ""
    return f"{variable}: not set; set it{remedy} ({field.description})"
