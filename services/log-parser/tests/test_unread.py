# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sweep: logs that nobody has read although their jobs and builds are done."""

import httpx
import pytest
from log_parser_fakes import NODE_ID, URL, World, a_job

from kci_fakes.sweeps import Crash, give_up, owed, sweep_once
from kci_shared.events.reconcile import event_of
from kci_shared.models import Result

PANIC = b"[ 0.0] Linux version 6.1\n[ 2.0] Kernel panic - not syncing: VFS: no root\n"


async def test_a_log_whose_event_was_given_up_is_read_once_the_cause_is_mended(
    world: World,
) -> None:
    def crash(_: httpx.Request) -> httpx.Response:
        raise Crash

    world.answer = crash
    async with world.parser() as parser:
        await give_up(parser.on_event, event_of(world.node))
        world.store_log(PANIC)
        await sweep_once(parser.unread, parser.on_event)
        assert world.node.result is Result.FAIL
        assert await owed(parser.unread) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "running"},
        {"artifacts": {}},
        {"data": {"findings": []}},
        {"kind": "test"},
    ],
    ids=["running", "no log", "read", "a test"],
)
async def test_what_has_no_unread_log_is_not_swept(
    world: World, fields: dict[str, object]
) -> None:
    world.put_job(**fields)
    async with world.parser() as parser:
        assert await owed(parser.unread) == []


async def test_the_log_of_a_build_is_swept_as_well(world: World) -> None:
    world.put_job(kind="kbuild", artifacts={"build_log": URL})
    async with world.parser() as parser:
        assert await owed(parser.unread) == [NODE_ID]


async def test_a_log_that_does_not_exist_is_not_swept_for_ever(world: World) -> None:
    world.answer = lambda _: httpx.Response(404)
    async with world.parser() as parser:
        await sweep_once(parser.unread, parser.on_event)
        assert await owed(parser.unread) == []


async def test_an_old_log_is_not_swept(world: World) -> None:
    world.api.nodes.clear()
    world.api.put(a_job(id="1" * 24))
    async with world.parser() as parser:
        assert await owed(parser.unread) == []
