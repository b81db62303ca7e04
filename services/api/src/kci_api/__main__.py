# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the API, or manage the tokens of services: `python -m kci_api`."""

import argparse
import asyncio
import gc
import signal
import sys

import uvloop
from pymongo.errors import PyMongoError

from kci_api import token_command
from kci_api.app import create_app
from kci_api.resets import WatchedConnection
from kci_api.settings import Settings
from kci_api.users.administrator import ensure_administrator
from kci_api.wiring import open_stores
from kci_shared.errors import KciError
from kci_shared.logging import configure, get_logger
from kci_shared.server import serve
from kci_shared.service import load_settings, print_help

GRACE_S = 2
"""How long a stop waits for responses that are being sent."""
KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections, so that clients close them."""

SUMMARY = """Serve the tree of nodes, and publish events of its changes.

  kci-api serve       answer requests until a signal stops it (the default)
  kci-api token create NAME  make a service's token and print it
      --scope SCOPE   what the token allows; repeat it for more scopes
      --days N        how long it is valid (365)
      --out FILE      write it to a file; keep one that is still valid for half its life
  kci-api token list         print the valid tokens, without their text
  kci-api token revoke ID    revoke one, within seconds
"""


async def serve_api(settings: Settings) -> None:
    """Answer requests until a signal stops it."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_stores(settings) as stores:
        await ensure_administrator(settings)
        app = create_app(stores)
        gc.collect()
        gc.freeze()  # all that exists now stays: the collector can ignore it
        await serve(
            app,
            settings,
            stop,
            before_exit=stores.subscriptions.close,  # clients that wait delay a stop
            http=WatchedConnection,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
        )


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("kci-api", add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    commands_parser = parser.add_subparsers(dest="command")
    commands_parser.add_parser("serve")
    token_command.add_to(commands_parser.add_parser("token"))
    return parser.parse_args()


def start() -> None:
    """Run the command of the command line."""
    arguments = parse_arguments()
    if arguments.help:
        print_help("kci-api", SUMMARY, Settings)
        return
    settings = load_settings(Settings)
    configure(settings.log_format, settings.log_level)
    try:
        uvloop.run(run_command(settings, arguments))
    except (KciError, PyMongoError) as error:
        get_logger(__name__).error("stopped", reason=str(error))
        sys.exit(1)


async def run_command(settings: Settings, arguments: argparse.Namespace) -> None:
    """Serve, or manage tokens."""
    if arguments.command == "token":
        await token_command.run(settings, arguments)
    else:
        await serve_api(settings)


if __name__ == "__main__":
    start()
