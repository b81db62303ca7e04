# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the artifact storage: `python -m kci_storage`."""

import asyncio

import httpx
import uvicorn

from kci_shared.health import QuietServer
from kci_shared.service import run
from kci_storage.app import create_app
from kci_storage.artifacts import Artifacts, open_store
from kci_storage.authorizer import Authorizer
from kci_storage.settings import Settings

GRACE_S = 5
"""How long a stop waits for answers that are still being sent."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Keep artifacts under their sha256, and serve them over HTTP."""
    artifacts = Artifacts(open_store(settings.store), settings.max_bytes)
    async with httpx.AsyncClient(base_url=settings.api_url, timeout=10) as api:
        app = create_app(artifacts, Authorizer(api), settings.max_bytes)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = QuietServer(config)
        stopper = asyncio.create_task(_stop(server, stop))
        await server.serve()
        stopper.cancel()


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def start() -> None:
    """Run until a signal stops it."""
    run(main, Settings)


if __name__ == "__main__":
    start()
