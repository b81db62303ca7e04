# SPDX-License-Identifier: LGPL-2.1-or-later
"""Remotes that hang, and others that must not notice; real git, a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kci_fakes.api import FakeApi
from kci_fakes.repository import Repository
from kci_shared.config import Config
from kci_trigger.git import Git, GitTooSlow
from kci_trigger.settings import Settings
from kci_trigger.watch import Watcher

pytestmark = pytest.mark.integration
TREES = 6
POLL_S = 0.3


class SilentServer:
    """Accepts connections, and never answers."""

    def __init__(self) -> None:
        self.url = ""
        self.calls = 0
        self.hung_up = asyncio.Event()
        """A client has closed its connection."""

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.calls += 1
        while await reader.read(4096):
            pass
        self.hung_up.set()
        writer.close()


@pytest.fixture
async def silent() -> AsyncIterator[SilentServer]:
    silent = SilentServer()
    server = await asyncio.start_server(silent.accept, "127.0.0.1", 0)
    silent.url = f"git://127.0.0.1:{server.sockets[0].getsockname()[1]}/linux.git"
    yield silent
    server.close()


def watcher(
    folder: Path, trees: dict[str, str], api: FakeApi, timeout: float
) -> Watcher:
    branches: dict[str, Any] = {"master": {}}
    config = Config.model_validate(
        {"trees": {name: {"url": u, "branches": branches} for name, u in trees.items()}}
    )
    settings = Settings(
        api_url="http://a",
        token="t",
        storage_url="http://s",
        config=folder,
        cache=folder,
        poll=POLL_S,
        remote_timeout=timeout,
    )
    return Watcher(lambda: config, Git(["file", "git"], 1 << 30), api, settings)


async def test_a_remote_that_hangs_does_not_delay_the_others(
    tmp_path: Path,
    silent: SilentServer,
    make_repository: Callable[[str], Repository],
) -> None:
    repositories = [make_repository(f"t{number}") for number in range(TREES)]
    urls = {repository.folder.name: repository.url for repository in repositories}
    hanging = {"hangs": silent.url, "hangs-too": silent.url}
    expected: set[tuple[str, str]] = set()
    api, stop = FakeApi(), asyncio.Event()
    watch = watcher(tmp_path, urls | hanging, api, timeout=600)
    watching: asyncio.Task[None] | None = None
    for message in ("begin", "more"):
        for repository in repositories:
            commit = await asyncio.to_thread(repository.commit, message)
            expected.add((repository.folder.name, commit))
        watching = watching or asyncio.create_task(watch.run(stop))
        while checked_out(api) != expected:
            await asyncio.sleep(0.02)
    assert silent.calls == len(hanging)
    assert not silent.hung_up.is_set()
    stop.set()
    assert watching is not None
    await watching


def checked_out(api: FakeApi) -> set[tuple[str, str]]:
    """Return tree and commit of each checkout."""
    revisions = [node.data.kernel_revision for node in api.nodes.values()]
    return {(one.tree, one.commit) for one in revisions if one is not None}


async def test_a_remote_that_hangs_is_given_up_and_nothing_of_it_is_left(
    tmp_path: Path, silent: SilentServer
) -> None:
    watch = watcher(tmp_path, {"hangs": silent.url}, FakeApi(), timeout=0.5)
    with pytest.raises(GitTooSlow, match="no answer within"):
        await watch.heads(silent.url, ["master"])
    assert silent.calls == 1
    await silent.hung_up.wait()


async def test_a_remote_that_cannot_be_read_is_named_until_it_can(
    tmp_path: Path, make_repository: Callable[[str], Repository]
) -> None:
    repository = make_repository("linux")
    commit = await asyncio.to_thread(repository.commit, "begin")
    hidden = repository.folder.with_name("hidden")
    repository.folder.rename(hidden)
    api, stop = FakeApi(), asyncio.Event()
    watch = watcher(tmp_path, {"linux": repository.url}, api, timeout=60)
    watching = asyncio.create_task(watch.run(stop))
    while not watch.problem:
        await asyncio.sleep(0.02)
    assert watch.problem.startswith("linux: git ls-remote: ")
    hidden.rename(repository.folder)
    while checked_out(api) != {("linux", commit)} or watch.problem:
        await asyncio.sleep(0.02)
    stop.set()
    await watching
