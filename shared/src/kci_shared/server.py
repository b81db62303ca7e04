# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTP server as a part of a process, to which it leaves the signals."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette

GRACE_S = 5
"""How long a stop waits for answers that are still being sent."""


class Address(Protocol):
    """Where to serve: the part of a service's settings that is needed here."""

    @property
    def host(self) -> str:
        """Address to listen on."""
        ...

    @property
    def port(self) -> int:
        """Port to listen on."""
        ...


class QuietServer(uvicorn.Server):
    """A server that installs no signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _nothing() -> None:
    """Prepare nothing."""


async def serve(
    app: Starlette,
    address: Address,
    stop: asyncio.Event,
    *,
    before_exit: Callable[[], None] = _nothing,
    **options: Any,
) -> None:
    """Serve an application until `stop` is set; call `before_exit` before it ends.

    `options` are uvicorn's.
    """
    usual = {"log_config": None, "access_log": False}
    server = QuietServer(
        uvicorn.Config(
            app,
            host=address.host,
            port=address.port,
            **{**usual, "timeout_graceful_shutdown": GRACE_S, **options},
        )
    )
    stopper = asyncio.create_task(_stop(server, stop, before_exit))
    try:
        await server.serve()
    finally:
        stopper.cancel()


async def _stop(
    server: uvicorn.Server, stop: asyncio.Event, before_exit: Callable[[], None]
) -> None:
    await stop.wait()
    before_exit()
    server.should_exit = True


@asynccontextmanager
async def serving(app: Starlette, host: str, port: int) -> AsyncIterator[None]:
    """Serve an application as long as the block runs; port 0 serves nothing."""
    if port == 0:
        yield
        return
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task
