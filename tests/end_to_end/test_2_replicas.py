# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two replicas of everything, and every event told again: the same result."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from kci_demo.evidence import Evidence
from kci_demo.expectations import GOOD, PANIC
from kci_local.parts import api_part, service_part
from kci_local.stack import STARTED
from kci_shared.models import CHANNEL

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


@pytest.fixture
async def doubled(world: Any) -> AsyncIterator[Any]:
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


async def tell_everything_again(redis_url: str) -> None:
    """Add each event of the stream once more, as a relay might after a crash."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        told: Any = await redis.xrange(CHANNEL)
        sequence = told[-1][0].partition("-")[0]
        for number, (_, fields) in enumerate(told, start=1):
            await redis.xadd(CHANNEL, fields, id=f"{sequence}-{number}")


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


async def test_replicas_and_repeated_events_change_nothing(doubled: Any) -> None:
    story = doubled.story
    good = await story.submit("replicas", 1, with_ramdisk=True)
    await story.until(GOOD, good)
    panic = await story.submit("replicas", 2, with_ramdisk=False)
    await story.until(PANIC, panic)
    before = [counts(await story.collector.collect(s)) for s in (good, panic)]
    await tell_everything_again(doubled.site.redis_url)
    await asyncio.sleep(5)
    after = [counts(await story.collector.collect(s)) for s in (good, panic)]
    assert after == before
