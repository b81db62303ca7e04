# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the demo from start to end, and check that all went as expected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from rich.console import Console

from kci_demo import summary
from kci_demo.evidence import Collector
from kci_demo.outside import OutsideCi
from kci_demo.story import NotAsExpected, Story
from kci_demo.timeline import Timeline
from kci_fakes.lab.images import Images, make_images
from kci_local.clients import connect
from kci_local.site import Site
from kci_local.stack import ALL, Stack

TO_BOOT = ["api", "storage", "scheduler", "labgrid-bridge"]
"""The services that bring a kernel onto a board."""


async def demo(console: Console, site: Site, *, keep: bool) -> int:
    """Start the system, play the story, show what came of it; 0 = all as expected."""
    timeline = Timeline(console)
    stack = Stack(site)
    try:
        async with timeline.step("kernel and initramfs"):
            images = make_images(site.cache)
        async with timeline.step("start"):
            await stack.up(TO_BOOT)
        # the other services may start later: their events wait for them
        _, code = await asyncio.gather(
            stack.up(ALL), _play(console, site, timeline, images)
        )
        return code
    finally:
        if keep:
            console.print(f"Still running; stop it: make down-local STATE={site.state}")
        else:
            async with timeline.step("stop"):
                await stack.down()


@asynccontextmanager
async def open_story(
    site: Site, timeline: Timeline, images: Images
) -> AsyncIterator[Story]:
    """Connect the story to a running system, and print its events."""
    async with connect(site) as (api, storage), timeline.follow(site.url("api")):
        outside, collector = OutsideCi(api, storage), Collector(site, api)
        yield Story(site, outside, collector, timeline, images)


async def _play(
    console: Console, site: Site, timeline: Timeline, images: Images
) -> int:
    async with open_story(site, timeline, images) as story:
        branch = f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        try:
            chapters = await story.play(branch)
        except NotAsExpected as error:
            timeline.say(f"[red]{error}[/]")
            console.print(f"Logs: {site.state / 'log'}", soft_wrap=True)
            return 1
    summary.show(console, site, chapters)
    path = site.state / "summary.json"
    summary.write(summary.as_json(chapters, timeline.seconds), path)
    console.print(f"[green bold]All as expected.[/] {path}", soft_wrap=True)
    return 0
