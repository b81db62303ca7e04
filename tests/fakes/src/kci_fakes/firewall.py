# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a program that reaches some ports of this machine and nothing else.

Its network namespace has nothing but a loopback of its own. There each port is answered
by a forwarder, which reaches the real one by a Unix socket: as a firewall with holes.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

FENCE = [
    *("bwrap", "--die-with-parent", "--unshare-net", "--unshare-pid"),
    *("--dev-bind", "/", "/", "--proc", "/proc"),
]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def island(ports: list[int], sockets: Path) -> AsyncIterator[list[str]]:
    """Return what to write before a command, so that it reaches these ports only."""
    async with AsyncExitStack() as stack:
        for port in ports:
            out = partial(asyncio.open_connection, "127.0.0.1", port)
            server = await asyncio.start_unix_server(_to(out), sockets / str(port))
            stack.callback(server.close)
        yield [*FENCE, sys.executable, "-m", "kci_fakes.firewall", str(sockets)]


async def inside(sockets: Path, command: list[str]) -> int:
    """Answer the ports, and run a command; return its exit status."""
    for socket in sockets.iterdir():
        out = partial(asyncio.open_unix_connection, socket)
        await asyncio.start_server(_to(out), "127.0.0.1", int(socket.name))
    process = await asyncio.create_subprocess_exec(*command)
    return await process.wait()


def _to(
    connect: Callable[[], Awaitable[Stream]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what takes a connection and forwards it to another."""

    async def forward(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            far_reader, far_writer = await connect()
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        writer.close()

    return forward


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes; when one end has no more to say, neither has the other."""
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(inside(Path(sys.argv[1]), sys.argv[2:])))
