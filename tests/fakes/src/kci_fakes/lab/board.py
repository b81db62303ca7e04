# SPDX-License-Identifier: LGPL-2.1-or-later
"""Netboot boards that are QEMU: behind one power relay (HTTP), each on a serial line.

A board that is powered on boots what lies in its folder: `vmlinuz`, and
`rootfs.cpio.gz` if it exists. Files in the folder break the board: with `power-fails`
the relay answers 500 to a request to switch it on, with `power-stays` to one to switch
it off; with `console-hang` its serial line is silent from the next power-on.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

MACHINE = "-machine pc -cpu qemu64 -m 256M -nodefaults -display none -no-reboot"
KERNEL_ARGUMENTS = "console=ttyS0,115200 panic=-1 tsc=reliable no_timer_check"
"""The last two skip the calibration of the clock, which is slow when emulated."""
CONSOLE = "console.log"
"""In a board's folder: all output of its serial line, whether or not it was read."""
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
"""Runs a program that the kernel kills when its parent dies."""

POWER_FAULTS = {b"1": "power-fails", b"0": "power-stays"}


class Board:
    """One machine; its output goes to every connection to its serial line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._qemu: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._listeners: set[asyncio.StreamWriter] = set()
        self._switching = asyncio.Lock()

    @property
    def is_on(self) -> bool:
        """Whether the machine runs."""
        return self._qemu is not None and self._qemu.returncode is None

    def has(self, name: str) -> bool:
        """Tell whether a file lies in the board's folder."""
        return (self._folder / name).exists()

    async def power_on(self) -> None:
        """Boot what lies in the folder; without a kernel the board stays silent."""
        async with self._switching:
            if self.is_on or not self.has("vmlinuz"):
                return
            self._qemu = await asyncio.create_subprocess_exec(
                *DIE_WITH_PARENT,
                *self._command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert self._qemu.stdout is not None
            self._reader = asyncio.create_task(self._forward(self._qemu.stdout))

    async def power_off(self) -> None:
        """Cut the power."""
        async with self._switching:
            if self._qemu is None or self._reader is None:
                return
            with suppress(ProcessLookupError):
                self._qemu.kill()
            await self._qemu.wait()
            await self._reader
            self._qemu = None

    async def attach(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a connection to the serial line until it is closed."""
        self._listeners.add(writer)
        try:
            with suppress(ConnectionError):
                while typed := await reader.read(4096):
                    self._type(typed)
        finally:
            self._listeners.discard(writer)
            writer.close()

    def _type(self, typed: bytes) -> None:
        if self.is_on and self._qemu is not None and self._qemu.stdin is not None:
            self._qemu.stdin.write(typed)

    async def _forward(self, console: asyncio.StreamReader) -> None:
        """Send the output to every connection; without one it is lost, as on a wire."""
        while output := await console.read(4096):
            for listener in self._listeners:
                if not listener.is_closing():  # it has just been closed
                    listener.write(output)

    def _command(self) -> list[str]:
        ramdisk = self._folder / "rootfs.cpio.gz"
        line = f"stdio,id=line,logfile={self._folder / CONSOLE},logappend=on"
        return [
            "qemu-system-x86_64",
            *MACHINE.split(),
            "-chardev",
            line,
            "-serial",
            "null" if self.has("console-hang") else "chardev:line",
            "-kernel",
            str(self._folder / "vmlinuz"),
            "-append",
            KERNEL_ARGUMENTS,
            *(["-initrd", str(ramdisk)] if ramdisk.exists() else []),
        ]


def relay(boards: list[Board], lines: list[int]) -> Starlette:
    """Build the power relay, for labgrid's power model `rest`.

    Outlet N powers board N, whose serial line is the TCP port N of `lines`.
    """

    async def switch(request: Request) -> Response:
        board = boards[request.path_params["outlet"]]
        value = await request.body()
        fault = POWER_FAULTS.get(value)
        if fault is not None and board.has(fault):
            return PlainTextResponse("the relay is broken", 500)
        if request.method == "PUT":
            await (board.power_on() if value == b"1" else board.power_off())
        return PlainTextResponse("1" if board.is_on else "0")

    @asynccontextmanager
    async def with_serial_lines(_: Starlette) -> AsyncIterator[None]:
        servers = [
            await asyncio.start_server(board.attach, "127.0.0.1", line)
            for board, line in zip(boards, lines, strict=True)
        ]
        yield
        for server in servers:
            server.close()
        for board in boards:
            await board.power_off()

    route = Route("/relay/{outlet:int}", switch, methods=["GET", "PUT"])
    return Starlette(routes=[route], lifespan=with_serial_lines)


def main() -> None:
    """Run boards until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--power", type=int, required=True, help="port of the relay")
    parser.add_argument(
        "boards", nargs="+", metavar="PORT:FOLDER", help="serial line, what it boots"
    )
    options = parser.parse_args()
    boards = [board.split(":", 1) for board in options.boards]
    app = relay(
        [Board(Path(folder)) for _, folder in boards], [int(port) for port, _ in boards]
    )
    uvicorn.run(
        app,
        port=options.power,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
