# SPDX-License-Identifier: LGPL-2.1-or-later
"""The services that mails need: API, storage, relay, and the email reporter."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from kci_local.parts import service_part, sink_parts
from kci_local.processes import Process as Part
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Kind, NewNode, Node, Process, Result, State
from kci_shared.settings import ClientSettings

SHORT_TIMES = {"KCI_LEASE": "3", "KCI_MAIL_SETTLE": "1"}
"""In seconds, so that a mail whose sender died is soon claimed again."""
LEASE = timedelta(seconds=3)
WAIT_S = 60
POLL_S = 0.2
REVISION = {
    "tree": "mainline",
    "url": "https://git.kernel.example/linux.git",
    "branch": "master",
    "commit": "11aa22bb33cc" + "4" * 28,
    "describe": "v7.1-rc1-27-g11aa22bb33cc",
}
RUN = {
    "arch": "x86_64",
    "config_full": "defconfig",
    "compiler": "gcc-14",
    "platform": "qemu-x86",
    "runtime": "lab-demo",
}


class MailSystem:
    """The API, and the mails that arrived."""

    def __init__(self, stack: Stack, api: ApiClient, earlier: set[str]) -> None:
        self.stack = stack
        self.api = api
        self._earlier = earlier
        """Ids of the mails of earlier tests."""

    async def start(self, *names: str) -> None:
        """Start the relay (`smtp`), or replicas of the reporter (by suffix)."""
        for name in names:
            part = self._part(name)
            await self.stack.processes.start(part)
            await self.stack.processes.until_ready(part)

    async def kill(self, name: str) -> None:
        """Kill a process, and wait for its end."""
        await self.stack.processes.kill(name)

    def _part(self, name: str) -> Part:
        site = self.stack.site
        if name == "smtp":
            return next(part for part in sink_parts(site) if part.name == name)
        part = service_part(site, "email-reporter", name)
        health = site.ports[f"email-reporter{name} health"]
        own = {"KCI_API_URL": site.url("api"), "KCI_HEALTH_PORT": str(health)}
        return replace(part, env={**part.env, **own, **SHORT_TIMES})

    @property
    def mails(self) -> list[EmailMessage]:
        folder = self.stack.site.mails / "new"
        return [parse(file.read_bytes()) for file in folder.iterdir()]

    async def node(self, kind: Kind, name: str, **fields: object) -> Node:
        """Create a node that is done and passed."""
        defaults = {"kind": kind, "name": name, "state": "done", "result": "pass"}
        return await self.api.create(NewNode.model_validate({**defaults, **fields}))

    async def revision(self, branch: str, result: Result) -> dict[str, Node]:
        """Create a checkout with a build and a boot."""
        revision = {**REVISION, "branch": branch}
        checkout = await self.node(
            Kind.CHECKOUT,
            "checkout",
            state=State.AVAILABLE,
            data={"kernel_revision": revision},
        )
        build = await self.node(Kind.KBUILD, "build/x", parent=checkout.id, data=RUN)
        boot = await self.node(
            Kind.JOB, "boot", parent=build.id, result=result, data=RUN
        )
        await self.api.update(checkout.id, state=State.DONE)
        return {"checkout": checkout, "build": build, "boot": boot}

    async def regressions(self, branch: str, number: int) -> list[Node]:
        """Create a passing and a failing revision, and regressions of the latter."""
        good = await self.revision(branch, Result.PASS)
        bad = await self.revision(branch, Result.FAIL)
        nodes = {"fail_node": bad["boot"].id, "pass_node": good["boot"].id}
        revision = {**REVISION, "branch": branch}
        return [
            await self.node(
                Kind.REGRESSION,
                "boot",
                result=Result.FAIL,
                data={
                    **nodes,
                    "kernel_revision": revision,
                    "failed_kernel_revision": revision,
                    "passed_kernel_revision": revision,
                },
            )
            for _ in range(number)
        ]

    async def mail_nodes(self) -> list[Process]:
        nodes = await self.api.find(kind=Kind.PROCESS, name="mail")
        mails = [node for node in nodes if isinstance(node, Process)]
        return [node for node in mails if node.id not in self._earlier]

    async def until_sent(self, number: int) -> list[Process]:
        """Wait until so many mails are done; return the nodes of all mails."""
        async with asyncio.timeout(WAIT_S):
            while True:
                nodes = await self.mail_nodes()
                if sum(node.state is State.DONE for node in nodes) >= number:
                    return nodes
                await asyncio.sleep(POLL_S)

    async def until_lease_renewed(self) -> None:
        """Wait until a sender has held a mail for longer than one lease."""
        first: datetime | None = None
        async with asyncio.timeout(WAIT_S):
            while True:
                claims = [node.claim for node in await self.mail_nodes() if node.claim]
                expiry = max((claim.expires for claim in claims), default=None)
                first = first or expiry
                if first and expiry and expiry > first + LEASE:
                    return
                await asyncio.sleep(POLL_S)


def parse(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """API and storage, with their databases, for all tests."""
    state = tmp_path_factory.mktemp("system")
    stack = Stack(Site.open(state, Path("unused"), state))
    try:
        asyncio.run(stack.up(["storage"]))
        yield stack
    finally:
        asyncio.run(stack.down())


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[MailSystem]:
    """An empty mailbox; relay and email reporter are not started yet."""
    site = stack.site
    token = site.secrets.path("outside.token")
    settings = ClientSettings(api_url=site.url("api"), token_file=token)
    async with ApiClient.connect(settings) as api:
        earlier = await api.find(kind=Kind.PROCESS, name="mail")
        system = MailSystem(stack, api, {node.id for node in earlier})
        for file in site.mails.glob("new/*"):
            file.unlink()
        yield system
        for name in ("smtp", *(f"email-reporter{number}" for number in ("", "-2"))):
            await stack.processes.stop(name)
