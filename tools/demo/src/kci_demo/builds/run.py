# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the demo of a build: a real kernel from a push to a report."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from rich.console import Console

from kci_demo import summary
from kci_demo.builds import configuration
from kci_demo.builds.sources import check_tools, linux_repository
from kci_demo.builds.story import BuildStory
from kci_demo.evidence import Collector
from kci_demo.story import NotAsExpected
from kci_demo.timeline import Timeline
from kci_fakes.lab.images import make_images
from kci_fakes.repository import Repository
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.storage import Storage, StorageSettings

SERVICES = [
    "trigger",
    "scheduler",
    "builder",
    "local-bridge",
    "log-parser",
    "regression-tracker",
    "email-reporter",
]


async def demo_build(console: Console, site: Site, *, keep: bool) -> int:
    """Push a real kernel twice, show what came of it; 0 = all as expected."""
    timeline, stack = Timeline(console), Stack(site)
    check_tools()
    try:
        async with timeline.step("a real kernel in a git repository"):
            repository = await asyncio.to_thread(
                linux_repository, site.cache, timeline.say
            )
        return await _play(console, site, timeline, repository)
    finally:
        if keep:
            console.print(f"Still running; stop it: make down-local STATE={site.state}")
        else:
            await stack.down()


async def _play(
    console: Console, site: Site, timeline: Timeline, repository: Repository
) -> int:
    branch = f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    async with timeline.step("start"):
        await start(site, repository, branch, configuration.QEMU)
    async with open_build_story(site, repository, branch, timeline) as story:
        try:
            chapters = await story.play()
        except NotAsExpected as error:
            timeline.say(f"[red]{error}[/]")
            console.print(f"Logs: {site.state / 'log'}", soft_wrap=True)
            return 1
    summary.show(console, site, chapters)
    for step, seconds in timeline.seconds.items():
        console.print(f"{seconds:8.1f} s  {step}")
    console.print("[green bold]All as expected.[/]")
    return 0


async def start(site: Site, repository: Repository, branch: str, fragment: str) -> None:
    """Start the services, with a configuration that builds the branch."""
    stack = Stack(site)
    await stack.up(["api", "storage"])
    ramdisk = make_images(site.cache).ramdisk
    async with Storage.connect(_settings(site)) as storage:
        url = await storage.put_file(ramdisk)
    configuration.write(site.config, repository.url, branch, fragment, url)
    await stack.up(["api", "storage", *SERVICES])


@asynccontextmanager
async def open_build_story(
    site: Site, repository: Repository, branch: str, timeline: Timeline
) -> AsyncIterator[BuildStory]:
    """Connect the story to a running system, and print its events."""
    async with (
        ApiClient.connect(_settings(site)) as api,
        timeline.follow(site.url("api")),
    ):
        collector = Collector(site, api)
        yield BuildStory(repository, branch, api, collector, timeline)


def _settings(site: Site) -> StorageSettings:
    return StorageSettings(
        api_url=site.url("api"),
        storage_url=site.url("storage"),
        token_file=site.secrets.path("outside.token"),
    )
