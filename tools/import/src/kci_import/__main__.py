# SPDX-License-Identifier: LGPL-2.1-or-later
"""Import the nodes of a legacy dump, or of another server: `kci-import --help`."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from kci_import.checkpoint import State
from kci_import.legacy.dump import find_collections
from kci_import.legacy.importer import LegacyImport, fingerprint
from kci_import.peer.client import Peer
from kci_import.peer.importer import PeerImport
from kci_import.progress import showing
from kci_import.report import show
from kci_import.settings import Settings
from kci_import.writer import Writer
from kci_shared.client import ApiClient
from kci_shared.errors import KciError
from kci_shared.logging import configure
from kci_shared.service import load_settings

STORAGE = "https://storage.kernelci.org"
Run = Callable[[State, Writer, Progress], Awaitable[None]]


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        "kci-import",
        description="Bring the nodes of another system to the API that KCI_API_URL"
        " names, with a token of scope nodes:import in KCI_TOKEN_FILE. It may be"
        " stopped anywhere, and run again: it goes on, and brings nothing twice.",
    )
    parser.add_argument(
        *("--state", "-s"),
        type=Path,
        default=Path("var/import"),
        help="folder that remembers how far it is, and gets report.jsonl (%(default)s)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    legacy = commands.add_parser("legacy", help="a dump of the kernel-ci database")
    legacy.add_argument("dump", type=Path, help="as mongodump or mongoexport wrote it")
    legacy.add_argument(
        "--storage", default=STORAGE, help="where its artifacts are (%(default)s)"
    )
    peer = commands.add_parser("peer", help="another server with the same REST API")
    peer.add_argument("url", help="such as https://api.example.org")
    peer.add_argument(
        "--all", action="store_true", help="look at all nodes again, not at new ones"
    )
    return parser.parse_args()


async def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Do what the command line says, and report, even when stopped."""
    folder: Path = arguments.state
    source, work = _work(settings, arguments)
    state = State.open(folder / "state.sqlite3", source)
    try:
        async with ApiClient.connect(settings) as api:
            with showing() as progress:
                await work(state, Writer(api), progress)
    finally:
        show(state, folder / "report.jsonl", Console())
        state.close()


def _work(settings: Settings, arguments: argparse.Namespace) -> tuple[str, Run]:
    """Return the source's name, and what brings it."""
    if arguments.command == "legacy":
        collections = find_collections(arguments.dump)
        name = f"legacy {arguments.dump.resolve()} {fingerprint(collections)}"

        async def bring(state: State, writer: Writer, progress: Progress) -> None:
            legacy = LegacyImport(state, writer, progress, settings.batch)
            await legacy.run(collections, arguments.storage)

        return name, bring

    async def page(state: State, writer: Writer, progress: Progress) -> None:
        async with Peer.connect(arguments.url) as peer:
            found = PeerImport(state, writer, progress, peer)
            await found.run(again=arguments.all)

    return f"peer {arguments.url}", page


def start() -> None:
    """Start the command."""
    arguments = parse_arguments()
    settings = load_settings(Settings)
    configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(run(settings, arguments))
    except (KciError, OSError) as error:
        print(f"kci-import: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except KeyboardInterrupt:
        print("Stopped; run it again to go on.", file=sys.stderr)  # noqa: T201
        sys.exit(130)


if __name__ == "__main__":
    start()
