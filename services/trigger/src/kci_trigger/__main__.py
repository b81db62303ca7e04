# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the trigger: `python -m kci_trigger`."""

import asyncio

import httpx

from kci_shared.client import ApiClient
from kci_shared.config.watch import WatchedConfig
from kci_shared.health import add_ready_detail
from kci_shared.server import serve
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge
from kci_shared.work.in_process import InProcessDialect
from kci_trigger.app import RequestRoutes, create_app
from kci_trigger.git import Git
from kci_trigger.permissions import Callers
from kci_trigger.requests import Requests
from kci_trigger.rules import PLATFORM
from kci_trigger.settings import Settings
from kci_trigger.sources import Sources
from kci_trigger.watch import Watcher

CONFIG_CHECK_S = 2.0
"""How often to check the files of the configuration for changes."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Watch git trees, check out what is new, and take requests of people."""
    config = WatchedConfig(settings.config)
    add_ready_detail("config", lambda: config.problem)
    git = Git(settings.protocols, settings.max_bytes)
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
        httpx.AsyncClient(base_url=settings.api_url, timeout=10) as whoami,
        httpx.AsyncClient(timeout=30) as web,
        asyncio.TaskGroup() as tasks,
    ):
        watcher = Watcher(config.get, git, api, settings)
        add_ready_detail("git", lambda: watcher.problem)
        sources = Sources(config.get, git, storage, settings)
        runs = InProcessDialect(PLATFORM, settings.max_jobs, sources.run)
        requests = Requests(config.get, api, watcher, storage)
        routes = RequestRoutes(requests, Callers(whoami), web, settings.patch_hosts)
        tasks.create_task(config.watch(CONFIG_CHECK_S, stop))
        tasks.create_task(watcher.run(stop))
        tasks.create_task(Bridge(api, storage, runs, settings).run(stop))
        if settings.port:
            tasks.create_task(serve(create_app(routes), settings, stop))


def start() -> None:
    """Start the service."""
    run(main, Settings)


if __name__ == "__main__":
    start()
