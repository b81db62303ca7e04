# SPDX-License-Identifier: LGPL-2.1-or-later
"""Start and stop the whole system, or some of its services, in one state folder."""

import asyncio

from kci_local.parts import (
    api_part,
    lab_parts,
    service_part,
    sink_parts,
    storage_part,
    store_parts,
)
from kci_local.processes import Process, Processes
from kci_local.services import SERVICES
from kci_local.site import Site
from kci_local.tokens import issue_tokens

ON_REQUEST = [one.name for one in SERVICES if one.on_request]
"""Services that `up` starts only if they are named."""
STARTED = [one.name for one in SERVICES if not one.on_request and not one.starts_alone]
"""Services that `up` starts unless others are named, after API and storage."""
ALL = ["api", "storage", *STARTED]
KNOWN = [*ALL, *ON_REQUEST]


class UnknownService(Exception):
    """A service was asked for that does not exist; the message lists those that do."""


class Stack:
    """The system in one state folder; nothing is started twice."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.processes = Processes(site.state)

    async def up(self, services: list[str]) -> None:
        """Start services and what they need; wait until all are ready."""
        for name in set(services) - {*KNOWN}:
            raise UnknownService(f"unknown service {name!r}; use {', '.join(KNOWN)}")
        api = api_part(self.site)
        await asyncio.gather(
            self._start(store_parts(self.site)), self.processes.prepare(api)
        )
        await self._start([api, *self._surroundings(services)])
        await asyncio.to_thread(issue_tokens, self.site.url("api"), self.site.secrets)
        parts = [
            service_part(self.site, name)
            for name in services
            if name in {*STARTED, *ON_REQUEST}
        ]
        await self._start(parts)

    async def down(self) -> None:
        """Stop everything, the stores last."""
        stores = {part.name for part in store_parts(self.site)}
        others = [name for name in self.processes.running() if name not in stores]
        await asyncio.gather(*(self.processes.stop(name) for name in others))
        # what the embedded server acknowledged is on disk, and its own stop takes 2 s
        await asyncio.gather(self.processes.kill("mongo"), self.processes.stop("redis"))

    def _surroundings(self, services: list[str]) -> list[Process]:
        """Return what the services need beside the API: storage, a lab, sinks."""
        storage = [storage_part(self.site)] if services != ["api"] else []
        lab = lab_parts(self.site) if "labgrid-bridge" in services else []
        sinks = {sink.name: sink for sink in sink_parts(self.site)}
        sink_of = {"email-reporter": "smtp", "kcidb-bridge": "kcidb"}
        needed = [sinks[sink] for name, sink in sink_of.items() if name in services]
        return [*storage, *lab, *needed]

    async def _start(self, parts: list[Process]) -> None:
        for part in parts:
            await self.processes.start(part)
        for part in parts:
            await self.processes.until_ready(part)
