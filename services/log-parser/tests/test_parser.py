# SPDX-License-Identifier: LGPL-2.1-or-later
import httpx
import pytest
from log_parser_fakes import NODE_ID, World

from kci_shared.errors import NotYet, StorageError
from kci_shared.models import Result

PANIC = b"[ 0.0] Linux version 6.1\n[ 2.0] Kernel panic - not syncing: VFS: no root\n"


async def test_a_panic_fails_the_job_and_is_noted_with_its_line(world: World) -> None:
    world.store_log(PANIC)
    await world.handle_event()
    assert world.node.result is Result.FAIL
    assert world.node.data.error_code == "Test"
    assert world.node.data.error_msg == "Kernel panic - not syncing: VFS: no root"
    [found] = getattr(world.node.data, "findings", [])
    assert (found.kind, found.line) == ("panic", 2)
    assert found.url == "http://storage/0123/console.log#L2"


async def test_a_clean_log_settles_a_node_and_leaves_its_verdict(world: World) -> None:
    world.store_log(b"all is well\n")
    await world.handle_event()
    assert (world.node.result, kinds(world)) == (Result.PASS, [])


async def test_a_failed_build_gets_the_message_that_its_log_shows(
    world: World,
) -> None:
    reported = {"error_msg": "make[2]: *** [scripts/Makefile.modpost:145] Error 1"}
    world.put_job(kind="kbuild", result="fail", data=reported)
    error = b'ERROR: modpost: "foo" [drivers/x.ko] undefined!'
    world.store_log(error + b"\nmake[2]: *** [scripts/Makefile.modpost:145] Error 1\n")
    await world.handle_event()
    assert world.node.data.error_msg == error.decode()


async def test_the_same_event_again_changes_nothing(world: World) -> None:
    world.store_log(PANIC)
    await world.handle_event()
    await world.handle_event()
    assert world.api.writes == 1


async def test_a_node_that_is_not_done_is_left_alone(world: World) -> None:
    world.store_log(PANIC)
    await world.handle_event("running")
    assert world.api.calls == []


async def test_a_node_that_is_gone_is_no_trouble(world: World) -> None:
    del world.api.nodes[NODE_ID]
    await world.handle_event()
    assert world.api.writes == 0


async def test_a_log_that_does_not_exist_settles_the_node(world: World) -> None:
    world.answer = lambda _: httpx.Response(404)
    await world.handle_event()
    assert kinds(world) == []
    assert "404" in getattr(world.node.data, "log_error", "")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_storage_that_is_down_is_asked_again_later(
    world: World, status: int
) -> None:
    world.answer = lambda _: httpx.Response(status)
    with pytest.raises(StorageError) as caught:
        await world.handle_event()
    assert caught.value.retryable
    assert world.api.writes == 0


async def test_a_storage_that_cannot_be_reached_is_asked_again_later(
    world: World,
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    world.answer = refuse
    with pytest.raises(StorageError) as caught:
        await world.handle_event()
    assert caught.value.retryable


async def test_the_verdict_is_judged_on_the_version_that_it_is_written_to(
    world: World,
) -> None:
    world.store_log(PANIC)
    world.disturb_once("update", lambda: world.api.change(NODE_ID, result="skip"))
    await world.handle_event()
    assert world.node.result is Result.SKIP
    assert kinds(world) == ["panic"]


async def test_another_replica_that_was_faster_is_right_too(world: World) -> None:
    world.store_log(PANIC)
    world.disturb_once(
        "update", lambda: world.api.change(NODE_ID, data={"findings": []})
    )
    await world.handle_event()
    assert (world.api.writes, kinds(world)) == (1, [])


async def test_a_node_that_never_rests_is_tried_again_later(world: World) -> None:
    world.store_log(PANIC)

    def disturb() -> None:
        world.api.change(NODE_ID, data={"n": world.node.version})
        world.disturb_once("update", disturb)

    world.disturb_once("update", disturb)
    with pytest.raises(NotYet):
        await world.handle_event()


async def test_of_a_huge_log_the_beginning_is_read_and_the_rest_admitted(
    world: World,
) -> None:
    world.store_log(PANIC + b"calm\n" * 1000 + b"BUG: too late\n")
    world.max_bytes = len(PANIC) + 100
    await world.handle_event()
    assert kinds(world) == ["panic"]
    assert "only its first" in getattr(world.node.data, "log_error", "")


def kinds(world: World) -> list[str]:
    return [found.kind for found in getattr(world.node.data, "findings", [])]
