# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two replicas of the API and their stores: things that can be killed."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from redis.asyncio import Redis

from kci_local.parts import api_part, store_parts
from kci_local.processes import NotReady, Process, Processes
from kci_local.site import Site
from kci_local.tokens import issue_tokens
from kci_shared.models import CHANNEL

APIS = ("api", "api-2")
VICTIMS = (*APIS, "relay", "redis", "mongo", "stream")
"""What the drill kills."""
STARTS = 5


@dataclass
class System:
    """All processes of one drill."""

    site: Site
    processes: Processes
    parts: dict[str, Process]
    mongo: AsyncMongoClient[dict[str, Any]]

    @property
    def database(self) -> Any:
        """The API's database, which is read directly."""
        return self.mongo.get_default_database()

    async def kill(self, victim: str, random: Random) -> str:
        """Kill a process; return what was killed, and what was deleted with it."""
        if victim == "stream":
            return await self._trim(random)
        name = await self._relay() if victim == "relay" else victim
        await self.processes.kill(name)
        if name == "redis" and random.random() < 0.5:
            shutil.rmtree(self.site.folder("redis"))
            self.site.folder("redis")
            return "redis with all its data"
        return victim

    async def _trim(self, random: Random) -> str:
        """Delete most of the stream, while a service or Redis may be busy with it."""
        left = random.randrange(3)
        async with Redis.from_url(self.site.redis_url) as redis:
            await redis.xtrim(CHANNEL, maxlen=left, approximate=False)
        return "most of the stream"

    async def start(self) -> None:
        """Restart what was killed, and wait until it is ready, as a supervisor does."""
        for attempt in range(STARTS):
            for part in self.parts.values():
                await self.processes.start(part)
            try:
                for part in self.parts.values():
                    await self.processes.until_ready(part)
            except NotReady as error:
                print(f"start {attempt + 1}: {str(error).splitlines()[0]}", flush=True)
            else:
                return
        raise NotReady(f"the system did not start in {STARTS} attempts")

    async def _relay(self) -> str:
        """Return the name of the replica that relays events."""
        try:
            lease = await self.database["lease"].find_one({"_id": "relay"}) or {}
        except PyMongoError:
            lease = {}
        pids = {str(self.processes.pid(name)): name for name in APIS}
        holder: str = lease.get("holder", "")
        return pids.get((holder.split("-") or [""])[-2], "api") if holder else "api"


@asynccontextmanager
async def running() -> AsyncIterator[System]:
    """Run a system in a new folder while the context is open."""
    with tempfile.TemporaryDirectory(prefix="kci-drill-") as folder:
        site = Site.open(Path(folder), Path("config"), Path(folder))
        processes = Processes(site.state)
        apis = [_forgetful(api_part(site, replica)) for replica in ("", "-2")]
        parts = [*store_parts(site), *apis]
        named = {part.name: part for part in parts}
        try:
            async with AsyncMongoClient[dict[str, Any]](site.mongo_url) as mongo:
                system = System(site, processes, named, mongo)
                await system.start()
                issue_tokens(site.url("api"), site.secrets)
                yield system
        finally:
            for name in reversed(processes.running()):
                await processes.stop(name)


def _forgetful(api: Process) -> Process:
    """Let a stream that was lost be filled with few events: the others are missed."""
    return replace(api, env={**api.env, "KCI_STREAM_EVENTS": "100"})
