# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two replicas of everything, and every event delivered again: the same result."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from end_to_end.conftest import World
from kci_demo.evidence import Evidence
from kci_demo.expectations import GOOD, PANIC
from kci_local.parts import api_part, service_part
from kci_local.stack import STARTED
from kci_shared.models import CHANNEL

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

LOOK_S = 0.2


@pytest.fixture
async def doubled(world: World) -> AsyncIterator[World]:
    """The system with a second API, and a second of each service on it."""
    processes = world.stack.processes
    second = [api_part(world.site, "-2")]
    second += [service_part(world.site, name, "-2") for name in STARTED]
    for part in second:
        await processes.start(part)
        await processes.until_ready(part)
    yield world
    for part in reversed(second):
        await processes.stop(part.name)


async def deliver_everything_again(redis_url: str) -> None:
    """Add each event of the stream once more, as a relay might after a crash.

    Return when every service has handled them.
    """
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        entries: Any = await redis.xrange(CHANNEL)
        sequence = entries[-1][0].partition("-")[0]
        for number, (_, fields) in enumerate(entries, start=1):
            await redis.xadd(CHANNEL, fields, id=f"{sequence}-{number}")
        while not await all_handled(redis):
            await asyncio.sleep(LOOK_S)


async def all_handled(redis: Redis) -> bool:
    """Tell whether each service has acknowledged the last event, and all before it."""
    newest: Any = await redis.xrevrange(CHANNEL, count=1)
    groups: Any = await redis.xinfo_groups(CHANNEL)
    return all(
        group["last-delivered-id"] == newest[0][0] and not group["pending"]
        for group in groups
    )


def counts(evidence: Evidence) -> dict[str, Any]:
    rows = {kind: sorted(found) for kind, found in evidence.rows.items()}
    nodes = sorted((node.id, node.version) for node in evidence.nodes)
    regressions = [node.id for node in evidence.regressions]
    return {
        "nodes": nodes,
        "mails": sorted(map(str, evidence.mails)),
        "regressions": regressions,
        "rows": rows,
    }


async def test_replicas_and_repeated_events_change_nothing(doubled: World) -> None:
    story = doubled.story
    good = await story.submit("replicas", 1, with_ramdisk=True)
    await story.until(GOOD, good)
    panic = await story.submit("replicas", 2, with_ramdisk=False)
    await story.until(PANIC, panic)
    before = [counts(await story.collector.collect(s)) for s in (good, panic)]
    await deliver_everything_again(doubled.site.redis_url)
    after = [counts(await story.collector.collect(s)) for s in (good, panic)]
    assert after == before
