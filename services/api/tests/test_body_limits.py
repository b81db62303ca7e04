# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import json
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from kci_api.body_limits import MAX_BODY_VALUES, WholeBody, has_too_many_values
from kci_api.requests import MAX_MAP_VALUES, check_storable
from kci_shared.errors import Invalid


@pytest.mark.parametrize(
    ("body", "too_many"),
    [
        (b"", False),
        (b"{}", False),
        (json.dumps(list(range(MAX_BODY_VALUES - 1))).encode(), False),
        (json.dumps(list(range(MAX_BODY_VALUES + 1))).encode(), True),
        (b"[" * (MAX_BODY_VALUES + 1), True),
        (json.dumps({str(key): 1 for key in range(MAX_BODY_VALUES)}).encode(), True),
        (json.dumps(["a,b:" * MAX_BODY_VALUES, '"[{\\'] * 10).encode(), False),
    ],
    ids=["none", "empty", "just", "items", "deep", "keys", "text"],
)
def test_values_are_counted_outside_of_strings(body: bytes, too_many: bool) -> None:
    assert has_too_many_values(body) == too_many


@pytest.mark.parametrize(
    "value",
    [
        {str(key): 1 for key in range(MAX_MAP_VALUES + 1)},
        {"a": [[1] * (MAX_MAP_VALUES // 2)] * 3},
    ],
    ids=["keys", "items"],
)
def test_a_map_of_too_many_values_is_refused_by_number(value: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="values"):
        check_storable(value, ("body", "data"))


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    text = message["body"].decode()
    await PlainTextResponse(text)(scope, receive, send)


async def _sent(messages: list[Message], seconds: float = 60) -> list[Message]:
    """Return what a client is sent who sends these messages, and nothing more."""
    answers: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        return await asyncio.Future()

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"content-length", b"4")],
    }
    await WholeBody(_echo, seconds)(scope, receive, send)
    return answers


def _part(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_is_received_before_the_application_begins() -> None:
    answer = await _sent([_part(b"ab", more=True), _part(b"cd", more=False)])
    assert answer[0]["status"] == 200
    assert answer[1]["body"] == b"abcd"


async def test_a_body_that_never_ends_is_answered_408() -> None:
    answer = await _sent([_part(b"ab", more=True)], seconds=0.01)
    assert answer[0]["status"] == 408
    assert b"within 0.01 seconds" in answer[1]["body"]


async def test_nobody_is_answered_who_went_away_within_the_body() -> None:
    gone = {"type": "http.disconnect"}
    assert await _sent([_part(b"ab", more=True), gone]) == []
