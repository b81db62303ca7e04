# SPDX-License-Identifier: LGPL-2.1-or-later
"""Start and stop the whole system, or some of its services, in one state folder."""

import asyncio

from kci_local.lab import labgrid
from kci_local.parts import (
    api_part,
    lab_parts,
    service_part,
    sink_parts,
    storage_part,
    store_parts,
)
from kci_local.processes import Process, Processes
from kci_local.site import Site
from kci_local.tokens import issue_tokens

SERVICES = [
    "scheduler",
    "labgrid-bridge",
    "log-parser",
    "regression-tracker",
    "email-reporter",
    "kcidb-bridge",
]
ALL = ["api", "storage", *SERVICES]


class UnknownService(Exception):
    """Somebody asked for a service that there is not."""


class Stack:
    """The system in one state folder; what runs already is never started twice."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.processes = Processes(site.state)

    async def up(self, services: list[str]) -> None:
        """Start services with all that they need, and wait until they are ready."""
        for name in set(services) - set(ALL):
            raise UnknownService(f"no service {name!r}; there are {', '.join(ALL)}")
        await self._start([*store_parts(self.site), *self._surroundings(services)])
        await self._start([api_part(self.site)])
        await asyncio.to_thread(issue_tokens, self.site.url("api"), self.site.secrets)
        if "labgrid-bridge" in services:
            await labgrid.create_places(self.site.address("coordinator"))
        if services != ["api"]:
            await self._start([storage_part(self.site)])
        await self._start(
            [service_part(self.site, name) for name in services if name in SERVICES]
        )

    async def down(self) -> None:
        """Stop everything, the services first."""
        for name in reversed(self.processes.running()):
            await self.processes.stop(name)

    def _surroundings(self, services: list[str]) -> list[Process]:
        lab = lab_parts(self.site) if "labgrid-bridge" in services else []
        sinks = {sink.name: sink for sink in sink_parts(self.site)}
        wanted = {"email-reporter": "smtp", "kcidb-bridge": "kcidb"}
        return lab + [sinks[s] for name, s in wanted.items() if name in services]

    async def _start(self, parts: list[Process]) -> None:
        for part in parts:
            self.processes.start(part)
        for part in parts:
            await self.processes.until_ready(part)
