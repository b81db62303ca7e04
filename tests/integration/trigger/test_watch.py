# SPDX-License-Identifier: LGPL-2.1-or-later
"""Remotes that hang, and others that must not notice; real git, a real server."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kci_fakes.api import FakeApi
from kci_fakes.repository import Repository
from kci_shared.config import Config
from kci_shared.models import NewNode, Node
from kci_trigger.git import Git
from kci_trigger.settings import Settings
from kci_trigger.watch import Watcher

pytestmark = pytest.mark.integration
TREES = 6
HANGS = 30.0
POLL = 0.3


class TimedApi(FakeApi):
    """Remembers when the latest checkout of each tree was created."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    async def create(self, node: NewNode) -> Node:
        created = await super().create(node)
        self.at[node.data["kernel_revision"]["tree"]] = time.monotonic()
        return created


@pytest.fixture
async def silent() -> AsyncIterator[tuple[str, list[float]]]:
    """A server that takes a connection and says nothing for 30 s."""
    calls: list[float] = []

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(time.monotonic())
        try:
            await asyncio.sleep(HANGS)
        finally:
            writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    yield f"git://127.0.0.1:{server.sockets[0].getsockname()[1]}/linux.git", calls
    server.close()


def watcher(folder: Path, trees: dict[str, str], api: FakeApi) -> Watcher:
    branches: dict[str, Any] = {"master": {}}
    config = Config.model_validate(
        {"trees": {name: {"url": u, "branches": branches} for name, u in trees.items()}}
    )
    told: dict[str, Any] = {"config": folder, "poll": POLL, "cache": folder}
    settings = Settings(api_url="http://a", token="t", storage_url="http://s", **told)
    return Watcher(lambda: config, Git(["file", "git"], 1 << 30), api, settings)


async def delays(
    folder: Path, repositories: dict[str, Repository], hanging: dict[str, str]
) -> list[float]:
    """Push to every repository while it is watched; return how long each waited."""
    api, stop = TimedApi(), asyncio.Event()
    urls = {name: repository.url for name, repository in repositories.items()}
    watching = asyncio.create_task(watcher(folder, urls | hanging, api).run(stop))
    while len(api.at) < len(repositories):
        await asyncio.sleep(0.02)
    pushed = {name: time.monotonic() for name in repositories}
    for name, repository in repositories.items():
        await asyncio.to_thread(repository.commit, "more")
        pushed[name] = time.monotonic()
    while len(api.nodes) < 2 * len(repositories):
        await asyncio.sleep(0.02)
    stop.set()
    await watching
    return [api.at[name] - pushed[name] for name in repositories]


async def test_a_remote_that_hangs_for_30_s_does_not_delay_the_others(
    tmp_path: Path,
    silent: tuple[str, list[float]],
    make_repository: Callable[[str], Repository],
) -> None:
    url, calls = silent
    repositories = {f"t{n}": make_repository(f"t{n}") for n in range(TREES)}
    for repository in repositories.values():
        repository.commit("begin")
    alone = await delays(tmp_path, repositories, {})
    beside = await delays(tmp_path, repositories, {"hangs": url, "hangs-too": url})
    logging.info("alone %.2f s, beside it %.2f s", max(alone), max(beside))
    assert calls, "the remote was never asked"
    assert max(beside) < max(alone) + HANGS / 2


async def test_a_remote_that_hangs_is_given_up_and_nothing_of_it_is_left(
    tmp_path: Path, silent: tuple[str, list[float]]
) -> None:
    url, calls = silent
    watch = watcher(tmp_path, {"hangs": url}, TimedApi())
    watch._settings = watch._settings.model_copy(update={"remote_timeout": 0.5})
    begin = time.monotonic()
    with pytest.raises(Exception, match="no answer within"):
        await watch.heads(url, ["master"])
    assert len(calls) == 1
    assert time.monotonic() - begin < HANGS
