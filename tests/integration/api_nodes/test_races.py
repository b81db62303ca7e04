# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pairs of writers that change one node at the same time; KCI_RACES=1000 for more."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World
from kci_shared.models import State
from kci_shared.models.words import may_become

pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(1200),
]

PAIRS = int(os.environ.get("KCI_RACES", "50"))
Race = Callable[[Json], Awaitable[None]]
AT_ONCE = 10
"""Pairs; each has a node of its own."""


async def pairs(
    world: World, by: AsyncClient, race: Callable[[Json], Awaitable[None]]
) -> None:
    """Run all races, some at once."""
    for begin in range(0, PAIRS, AT_ONCE):
        bodies = [{"kind": "checkout", "name": f"race-{begin}"}] * AT_ONCE
        nodes = await world.good(by.post("/nodes", json=bodies))
        await asyncio.gather(*(race(node) for node in nodes))


async def test_racing_changes_of_different_fields_lose_nothing(
    world: World, scheduler: AsyncClient
) -> None:
    async def race(node: Json) -> None:
        url = f"/node/{node['id']}"
        bodies = [{"data": {"a": 1}}, {"artifacts": {"b": "http://s/b"}}]
        answers = await asyncio.gather(*(scheduler.patch(url, json=b) for b in bodies))
        assert [answer.status_code for answer in answers] == [200, 200]
        stored = await world.stored(node)
        assert stored["data"] == {"a": 1}
        assert stored["artifacts"] == {"b": "http://s/b"}
        assert stored["version"] == 3

    await pairs(world, scheduler, race)


async def test_racing_transitions_end_in_an_allowed_state(
    world: World, scheduler: AsyncClient
) -> None:
    async def race(node: Json) -> None:
        url = f"/node/{node['id']}"
        states = ("closing", "done")
        closing, done = await asyncio.gather(
            *(scheduler.patch(url, json={"state": state}) for state in states)
        )
        # 400 if it was read when the node was done, 409 if it was done meanwhile
        assert closing.status_code in (200, 400, 409)
        assert done.status_code == 200
        stored = await world.stored(node)
        assert stored["state"] == "done"
        changes = [event["data"] for event in await world.events(node)]
        for data in changes[1:]:
            assert may_become(State(data["previous_state"]), State(data["state"]))
        assert len(changes) == 2 + closing.is_success

    await pairs(world, scheduler, race)
