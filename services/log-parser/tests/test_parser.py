# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from kci_log_parser.parser import LogParser
from kci_shared.errors import NotYet, StorageError
from kci_shared.models import Event, Node, Result
from kci_shared.storage import Storage

PANIC = b"[ 0.0] Linux version 6.1\n[ 2.0] Kernel panic - not syncing: VFS: no root\n"


def storage(answer: Callable[[httpx.Request], httpx.Response]) -> Storage:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Storage(http, "http://storage", "token")


def holding(log: bytes) -> Storage:
    return storage(lambda _: httpx.Response(200, content=log))


def event(state: str = "done") -> Event:
    node = {"op": "updated", "id": "a" * 24, "kind": "job", "name": "boot"}
    return Event.model_validate(
        {"id": "a-1", "time": "2026-01-01T00:00:00Z", "data": {**node, "state": state}}
    )


async def test_a_panic_fails_the_job_and_is_noted_with_its_line(api: Any) -> None:
    await LogParser(api, holding(PANIC), 1 << 20).on_event(event())
    assert api.node.result is Result.FAIL
    assert api.node.data.error_code == "Test"
    assert api.node.data.error_msg == "Kernel panic - not syncing: VFS: no root"
    [found] = api.node.data.findings
    assert (found.kind, found.line) == ("panic", 2)
    assert found.url == "http://storage/0123/console.log#L2"


async def test_a_clean_log_settles_a_node_and_leaves_its_verdict(api: Any) -> None:
    await LogParser(api, holding(b"all is well\n"), 1 << 20).on_event(event())
    assert (api.node.result, api.node.data.findings) == (Result.PASS, [])


async def test_a_failed_build_gets_the_message_that_its_log_shows(
    api: Any, job: Callable[..., Node]
) -> None:
    reported = {"error_msg": "make[2]: *** [scripts/Makefile.modpost:145] Error 1"}
    api.node = job(kind="kbuild", result="fail", data=reported)
    error = b'ERROR: modpost: "foo" [drivers/x.ko] undefined!'
    log = error + b"\nmake[2]: *** [scripts/Makefile.modpost:145] Error 1\n"
    await LogParser(api, holding(log), 1 << 20).on_event(event())
    assert api.node.data.error_msg == error.decode()


async def test_the_same_event_again_changes_nothing(api: Any) -> None:
    parser = LogParser(api, holding(PANIC), 1 << 20)
    await parser.on_event(event())
    await parser.on_event(event())
    assert api.writes == 1


async def test_a_node_that_is_not_done_is_left_alone(api: Any) -> None:
    await LogParser(api, holding(PANIC), 1 << 20).on_event(event("running"))
    assert api.writes == 0


async def test_a_node_that_is_gone_is_no_trouble(api: Any) -> None:
    api.node = None
    await LogParser(api, holding(PANIC), 1 << 20).on_event(event())


async def test_a_log_that_does_not_exist_settles_the_node(api: Any) -> None:
    gone = storage(lambda _: httpx.Response(404))
    await LogParser(api, gone, 1 << 20).on_event(event())
    assert api.node.data.findings == []
    assert "404" in api.node.data.log_error


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_storage_that_is_down_is_asked_again_later(
    api: Any, status: int
) -> None:
    down = storage(lambda _: httpx.Response(status))
    with pytest.raises(StorageError) as caught:
        await LogParser(api, down, 1 << 20).on_event(event())
    assert caught.value.retryable
    assert api.writes == 0


async def test_a_storage_that_cannot_be_reached_is_asked_again_later(api: Any) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(StorageError) as caught:
        await LogParser(api, storage(refuse), 1 << 20).on_event(event())
    assert caught.value.retryable


async def test_the_verdict_is_judged_on_the_version_that_it_is_written_to(
    api: Any,
) -> None:
    api.disturb = lambda: api.change(result="skip")
    await LogParser(api, holding(PANIC), 1 << 20).on_event(event())
    assert api.node.result is Result.SKIP
    assert len(api.node.data.findings) == 1


async def test_another_replica_that_was_faster_is_right_too(api: Any) -> None:
    api.disturb = lambda: api.change(data={"findings": []})
    await LogParser(api, holding(PANIC), 1 << 20).on_event(event())
    assert (api.writes, api.node.data.findings) == (0, [])


async def test_a_node_that_never_rests_is_tried_again_later(api: Any) -> None:
    def disturb() -> None:
        api.change()
        api.disturb = disturb

    api.disturb = disturb
    with pytest.raises(NotYet):
        await LogParser(api, holding(PANIC), 1 << 20).on_event(event())


async def test_of_a_huge_log_the_beginning_is_read_and_the_rest_admitted(
    api: Any,
) -> None:
    log = PANIC + b"calm\n" * 1000 + b"BUG: too late\n"
    await LogParser(api, holding(log), len(PANIC) + 100).on_event(event())
    assert [found.kind for found in api.node.data.findings] == ["panic"]
    assert "only its first" in api.node.data.log_error
