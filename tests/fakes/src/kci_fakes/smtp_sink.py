# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail relay that sends no mail, but keeps what it gets in a Maildir.

Run it alone: ``python -m kci_fakes.smtp_sink --port 2525 --maildir var/mail``.
"""

import argparse
import asyncio
import os
import secrets
import signal
import socket
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

LOOPBACK = "127.0.0.1"
SIZE_LIMIT_BYTES = 2 * 2**20
"""The largest mail that is accepted."""


class Maildir:
    """A Maildir to which mails are only added."""

    def __init__(self, folder: Path) -> None:
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def add(self, content: bytes) -> None:
        """Keep a mail; when this returns, it survives a power cut."""
        name = f"{time.time_ns()}.{secrets.token_hex(8)}.{socket.gethostname()}"
        part = self._folder / "tmp" / name
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._folder / "new" / name)
        _sync_folder(self._folder / "new")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Sink:
    """Accepts every mail once it is kept."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it by this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail as it came."""
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(self._maildir.add, content)
        except OSError as error:
            return f"451 4.3.0 not kept: {error.strerror}"
        return "250 2.0.0 kept"


async def serve(port: int, maildir: Path, size_limit: int = SIZE_LIMIT_BYTES) -> None:
    """Receive mail on loopback until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sink = Sink(Maildir(maildir))
    server = await loop.create_server(
        lambda: SMTP(sink, data_size_limit=size_limit, hostname="localhost", loop=loop),
        LOOPBACK,
        port,
    )
    try:
        await stop.wait()
    finally:
        server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m kci_fakes.smtp_sink")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    parser.add_argument("--size-limit", type=int, default=SIZE_LIMIT_BYTES)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.maildir, options.size_limit))


if __name__ == "__main__":
    main()
