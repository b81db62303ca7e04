# SPDX-License-Identifier: LGPL-2.1-or-later
"""A connection from the bridge to LAVA that can be cut, and lose an answer."""

import asyncio

import httpx


class Connection:
    """Forwards TCP connections to LAVA."""

    def __init__(self, lava: str) -> None:
        self._lava = httpx.URL(lava)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.loses_answers = False
        self.lost = asyncio.Event()
        """Set when LAVA has accepted a job, and its answer was dropped."""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await asyncio.sleep(0)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, port = self._lava.host, self._lava.port
        answers, lava = await asyncio.open_connection(host, port)
        self._open |= {writer, lava}
        posted = asyncio.Event()
        try:
            await asyncio.gather(
                self._pump(reader, lava, posted), self._pump(answers, writer, posted)
            )
        except OSError:
            pass
        finally:
            self._open -= {writer, lava}
            writer.close()
            lava.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        posted: asyncio.Event,
    ) -> None:
        while data := await source.read(65536):
            if data.startswith(b"POST /api/v0.2/jobs/"):
                posted.set()
            elif self.loses_answers and posted.is_set() and data[:5] == b"HTTP/":
                self.lost.set()
                break
            target.write(data)
            await target.drain()
        target.close()
