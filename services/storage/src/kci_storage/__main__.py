# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the artifact storage: `python -m kci_storage`."""

import asyncio

import httpx

from kci_shared.server import serve
from kci_shared.service import run
from kci_storage.app import create_app
from kci_storage.artifacts import Artifacts, open_store
from kci_storage.authorizer import Authorizer
from kci_storage.settings import Settings


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Keep artifacts under their sha256, and serve them over HTTP."""
    artifacts = Artifacts(open_store(settings.store), settings.max_bytes)
    async with httpx.AsyncClient(base_url=settings.api_url, timeout=10) as api:
        app = create_app(artifacts, Authorizer(api), settings.max_bytes)
        await serve(app, settings, stop)


def start() -> None:
    """Run until a signal stops it."""
    run(main, Settings)


if __name__ == "__main__":
    start()
