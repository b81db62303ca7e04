# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a program behind a firewall: it reaches some ports of this machine, no others.

The program has a network namespace of its own, with only a loopback device. A forwarder
listens there on each port, and reaches the real port through a Unix socket.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

NAMESPACE = [
    "bwrap",
    "--die-with-parent",
    "--unshare-net",
    "--unshare-pid",
    "--dev-bind",
    "/",
    "/",
    "--proc",
    "/proc",
]
"""Runs a command in network and process namespaces of its own."""
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def firewall(ports: list[int], sockets: Path) -> AsyncIterator[list[str]]:
    """Yield what to put before a command, so that it reaches these ports only."""
    async with AsyncExitStack() as stack:
        for port in ports:
            out = partial(asyncio.open_connection, "127.0.0.1", port)
            server = await asyncio.start_unix_server(_to(out), sockets / str(port))
            stack.callback(server.close)
        yield [*NAMESPACE, sys.executable, "-m", "kci_fakes.firewall", str(sockets)]


async def inside(sockets: Path, command: list[str]) -> int:
    """Listen on the ports, and run a command; return its exit status."""
    for socket in sockets.iterdir():
        out = partial(asyncio.open_unix_connection, socket)
        await asyncio.start_server(_to(out), "127.0.0.1", int(socket.name))
    process = await asyncio.create_subprocess_exec(*command)
    return await process.wait()


def _to(
    connect: Callable[[], Awaitable[Stream]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return a handler that forwards a connection to another."""

    async def forward(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            far_reader, far_writer = await connect()
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        writer.close()

    return forward


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection until it is closed."""
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(inside(Path(sys.argv[1]), sys.argv[2:])))
