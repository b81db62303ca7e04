# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole system with its real parts, one for all tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from kci_demo.run import open_story
from kci_demo.story import Story
from kci_demo.timeline import Timeline
from kci_fakes.lab.images import make_images
from kci_local.site import Site
from kci_local.stack import ALL, Stack
from kci_shared.client import ApiClient

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class World:
    """What a test can do: change the system, and act in it."""

    site: Site
    stack: Stack
    story: Story

    @property
    def api(self) -> ApiClient:
        """Speak to the API as the outside CI."""
        return self.story.outside.api


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
    async with open_story(site, Timeline(Console()), make_images(site.cache)) as story:
        yield World(site, Stack(site), story)
