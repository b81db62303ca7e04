# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a push to a report: a small C project is built, boots, and is broken.

A system of its own, with other services than the one of this folder's other tests.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from kci_demo.builds import configuration
from kci_demo.builds.run import open_build_story, start
from kci_demo.builds.story import builds
from kci_demo.timeline import Timeline
from kci_fakes.lab.images import make_images
from kci_fakes.repository import Repository
from kci_local.site import Site
from kci_local.stack import Stack

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "config").mkdir()
    cache = PROJECT / "var" / "cache"
    site = Site.open(tmp_path / "state", tmp_path / "config", cache)
    yield site
    asyncio.run(Stack(site).down())


async def test_a_push_is_built_and_boots_and_one_that_breaks_is_told(
    own_site: Site, tmp_path: Path
) -> None:
    repository = Repository.standin(tmp_path / "linux")
    (repository.folder / "prebuilt").mkdir()
    kernel = make_images(own_site.cache).kernel
    shutil.copyfile(kernel, repository.folder / "prebuilt" / "vmlinuz")
    repository.commit("begin")
    await start(own_site, repository, "work", configuration.STANDIN)
    async with open_build_story(
        own_site, repository, "work", Timeline(Console())
    ) as story:
        good, broken = await story.play()
    assert [test.result for test in good.tests()] == ["pass"]
    [build] = builds(broken)
    assert str(build.data.error_msg).startswith("init/main.c:")
