# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API, a trivial one, and the stores of both: fresh, for one run."""

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import Redis

from kci_local.parts import api_part, store_parts
from kci_local.processes import Process, Processes
from kci_local.site import Site
from kci_local.tokens import issue_tokens

TIMEOUT_S = 300


@dataclass
class Bench:
    """All that is measured, and the hands that do it."""

    site: Site
    processes: Processes
    api: httpx.AsyncClient
    """Of a service that may write all nodes."""
    headers: dict[str, str]
    """Its token."""
    database: AsyncDatabase[dict[str, Any]]
    redis: Redis

    def pid(self, name: str) -> int:
        """Return the process of a part: api, trivial, mongo or redis."""
        pid = self.processes.pid(name)
        assert pid is not None, f"{name} died: {self.processes.log_file(name)}"
        return pid


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    """Run everything in a new folder as long as the block lasts."""
    # the embedded database gets slow when its oplog is full: never an old folder
    with tempfile.TemporaryDirectory(prefix="kci-bench-") as folder:
        site = Site.open(Path(folder), Path("config"), Path(folder))
        processes = Processes(site.state)
        try:
            await _start(site, processes)
            async with _opened(site, processes) as bench:
                yield bench
        finally:
            for name in reversed(processes.running()):
                await processes.stop(name)


async def _start(site: Site, processes: Processes) -> None:
    for part in [*store_parts(site), api_part(site), trivial_part(site)]:
        await processes.start(part)
        await processes.until_ready(part)
    issue_tokens(site.url("api"), site.secrets)


def trivial_part(site: Site) -> Process:
    """Run the trivial application in the way in which ours is run."""
    port = site.ports["trivial"]
    command = [sys.executable, "-m", "uvicorn", "bench.trivial:app", "--no-access-log"]
    here = {
        "PYTHONPATH": str(Path.cwd()),
        "BENCH_MONGO_URL": site.mongo_url,
        "BENCH_REDIS_URL": site.redis_url,
    }
    return Process("trivial", [*command, "--port", str(port)], env=here, port=port)


@asynccontextmanager
async def _opened(site: Site, processes: Processes) -> AsyncIterator[Bench]:
    token = site.secrets.path("outside.token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(
            base_url=f"{site.url('api')}/latest",
            headers=headers,
            timeout=TIMEOUT_S,
        ) as api,
        AsyncMongoClient[dict[str, Any]](
            site.mongo_url, w="majority", journal=True, tz_aware=True
        ) as mongo,
        Redis.from_url(site.redis_url) as redis,
    ):
        database = mongo.get_default_database()
        yield Bench(site, processes, api, headers, database, redis)
