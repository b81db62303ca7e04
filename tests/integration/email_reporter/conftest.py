# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system as far as mails need it: stores, API, storage and a relay."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from kci_local.parts import service_part, sink_parts
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Kind, NewNode, Node, Result, State
from kci_shared.settings import ClientSettings

IMPATIENT = {"KCI_LEASE": "3", "KCI_MAIL_SETTLE": "1"}
"""What lets a test see within seconds what happens to a mail whose sender died."""
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


class Post:
    """The API, and the mails that arrived."""

    def __init__(self, stack: Stack, api: ApiClient, known: set[str]) -> None:
        self.stack = stack
        self.api = api
        self._known = known
        """The mails of earlier tests."""

    async def start(self, *names: str) -> None:
        """Start the relay or a replica of the email reporter."""
        for name in names:
            part = self._part(name)
            await self.stack.processes.start(part)
            await self.stack.processes.until_ready(part)

    async def kill(self, name: str) -> None:
        """Kill -9 a process, and see it gone."""
        await self.stack.processes.kill(name)

    def _part(self, name: str) -> Any:
        site = self.stack.site
        if name == "smtp":
            return next(part for part in sink_parts(site) if part.name == name)
        part = service_part(site, "email-reporter", name)
        health = site.ports[f"email-reporter{name} health"]
        own = {"KCI_API_URL": site.url("api"), "KCI_HEALTH_PORT": str(health)}
        return replace(part, env={**part.env, **own, **IMPATIENT})

    @property
    def mails(self) -> list[EmailMessage]:
        folder = self.stack.site.mails / "new"
        return [parse(file.read_bytes()) for file in folder.iterdir()]

    async def node(self, kind: Kind, name: str, **fields: Any) -> Node:
        known = {"state": State.DONE, "result": Result.PASS, "data": {}}
        return await self.api.create(NewNode(kind=kind, name=name, **known | fields))

    async def revision(self, branch: str, result: Result) -> dict[str, Node]:
        """Post a revision with a build and a boot."""
        revision = {**REVISION, "branch": branch}
        checkout = await self.node(
            Kind.CHECKOUT,
            "checkout",
            state=State.AVAILABLE,
            data={"kernel_revision": revision},
        )
        build = await self.node(Kind.KBUILD, "build/x", parent=checkout.id, data=RUN)
        boot = await self.node(
            *(Kind.JOB, "boot"), parent=build.id, result=result, data=RUN
        )
        await self.api.update(checkout.id, state=State.DONE)
        return {"checkout": checkout, "build": build, "boot": boot}

    async def regressions(self, branch: str, number: int) -> list[Node]:
        """Post a revision that passed, one that fails, and what one concludes."""
        good = await self.revision(branch, Result.PASS)
        bad = await self.revision(branch, Result.FAIL)
        nodes = {"fail_node": bad["boot"].id, "pass_node": good["boot"].id}
        revision = {**REVISION, "branch": branch}
        return [
            await self.node(
                *(Kind.REGRESSION, "boot"),
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

    async def until_sent(self, number: int) -> list[Node]:
        """Wait until so many mails are done; return their nodes."""
        async with asyncio.timeout(60):
            while True:
                found = await self.api.find(kind=Kind.PROCESS, name="mail")
                nodes = [node for node in found if node.id not in self._known]
                if sum(node.state is State.DONE for node in nodes) >= number:
                    return nodes
                await asyncio.sleep(0.2)


def parse(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stores, API and storage, for all tests."""
    state = tmp_path_factory.mktemp("post")
    stack = Stack(Site.open(state, Path("unused"), state))
    try:
        asyncio.run(stack.up(["storage"]))
        yield stack
    finally:
        asyncio.run(stack.down())


@pytest.fixture
async def post(stack: Stack) -> AsyncIterator[Post]:
    """An empty mailbox, and nobody yet who fills it."""
    site = stack.site
    token = site.secrets.path("outside.token")
    settings = ClientSettings(api_url=site.url("api"), token_file=token)
    async with ApiClient.connect(settings) as api:
        known = await api.find(kind=Kind.PROCESS, name="mail")
        post = Post(stack, api, {node.id for node in known})
        for file in site.mails.glob("new/*"):
            file.unlink()
        yield post
        for name in ("smtp", *(f"email-reporter{number}" for number in ("", "-2"))):
            await stack.processes.stop(name)
