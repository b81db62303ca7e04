# SPDX-License-Identifier: LGPL-2.1-or-later
"""Import the nodes of a legacy dump, or of another server: `kci-import --help`."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from kci_import.checkpoint import Checkpoint
from kci_import.legacy.dump import find_collections
from kci_import.legacy.importer import LegacyImport, fingerprint
from kci_import.peer.client import Peer
from kci_import.peer.importer import PeerImport
from kci_import.progress import progress_bars
from kci_import.report import show
from kci_import.settings import Settings
from kci_import.writer import Writer
from kci_shared.client import ApiClient
from kci_shared.errors import KciError
from kci_shared.logging import configure
from kci_shared.service import load_settings

STORAGE = "https://storage.kernelci.org"
Import = Callable[[Checkpoint, Writer, Progress], Awaitable[None]]


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        "kci-import",
        description="Import the nodes of another system through the API at KCI_API_URL,"
        " with a token of scope nodes:import in KCI_TOKEN_FILE. The import may be"
        " interrupted at any time: run it again, and it continues. No node is imported"
        " twice.",
    )
    parser.add_argument(
        "--state",
        "-s",
        type=Path,
        default=Path("var/import"),
        help="folder for the progress so far and for report.jsonl (%(default)s)",
    )
    _add_commands(parser)
    return parser.parse_args()


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", required=True)
    legacy = commands.add_parser("legacy", help="a dump of the kernel-ci database")
    legacy.add_argument("dump", type=Path, help="folder of mongodump or mongoexport")
    legacy.add_argument(
        "--storage", default=STORAGE, help="URL of the dump's artifacts (%(default)s)"
    )
    peer = commands.add_parser("peer", help="another server with the same REST API")
    peer.add_argument("url", help="such as https://api.example.org")
    peer.add_argument(
        "--all", action="store_true", help="compare all nodes again, not only new ones"
    )


async def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Run the import, and report on it, even if it is interrupted."""
    folder: Path = arguments.state
    source, work = _import(settings, arguments)
    checkpoint = Checkpoint.open(folder / "state.sqlite3", source)
    try:
        async with ApiClient.connect(settings) as api:
            with progress_bars() as progress:
                await work(checkpoint, Writer(api), progress)
    finally:
        show(checkpoint, folder / "report.jsonl", Console())
        checkpoint.close()


def _import(settings: Settings, arguments: argparse.Namespace) -> tuple[str, Import]:
    """Return the name of the source, and the function that imports it."""
    if arguments.command == "legacy":
        collections = find_collections(arguments.dump)
        name = f"legacy {arguments.dump.resolve()} {fingerprint(collections)}"

        async def import_dump(
            checkpoint: Checkpoint, writer: Writer, progress: Progress
        ) -> None:
            legacy = LegacyImport(checkpoint, writer, progress, settings.batch)
            await legacy.run(collections, arguments.storage)

        return name, import_dump

    async def import_peer(
        checkpoint: Checkpoint, writer: Writer, progress: Progress
    ) -> None:
        async with Peer.connect(arguments.url) as peer:
            await PeerImport(checkpoint, writer, progress, peer).run(
                again=arguments.all
            )

    return f"peer {arguments.url}", import_peer


def start() -> None:
    """Run the command."""
    arguments = parse_arguments()
    settings = load_settings(Settings)
    configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(run(settings, arguments))
    except (KciError, OSError) as error:
        print(f"kci-import: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted; run it again to continue.", file=sys.stderr)  # noqa: T201
        sys.exit(130)


if __name__ == "__main__":
    start()
