# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole system with its real parts, one for all tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from kci_local.demo.evidence import Collector
from kci_local.demo.outside import OutsideCi
from kci_local.demo.story import Story
from kci_local.demo.timeline import Timeline
from kci_local.lab.images import make_images
from kci_local.site import Site
from kci_local.stack import ALL, Stack
from kci_shared.client import ApiClient
from kci_shared.storage import Storage, StorageSettings

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class World:
    """What a test can do: change the system, and act in it."""

    site: Site
    stack: Stack
    api: ApiClient
    story: Story


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("state")
    site = Site.open(state, PROJECT / "config", PROJECT / "var" / "cache")
    try:
        asyncio.run(Stack(site).up(ALL))
        yield site
    finally:
        asyncio.run(Stack(site).down())


@pytest.fixture
async def world(site: Site) -> AsyncIterator[World]:
    settings = StorageSettings(
        api_url=site.url("api"),
        storage_url=site.url("storage"),
        token_file=site.secrets.path("outside.token"),
    )
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        timeline = Timeline(Console())
        images = make_images(site.cache)
        outside, collector = OutsideCi(api, storage), Collector(site, api)
        story = Story(site, outside, collector, timeline, images)
        async with timeline.follow(site.url("api")):
            yield World(site, Stack(site), api, story)
