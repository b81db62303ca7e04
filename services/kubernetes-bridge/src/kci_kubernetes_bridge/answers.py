# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what an API server answers: objects, lists and watches."""

import json
from collections.abc import AsyncIterator
from typing import Any, Generic, NamedTuple, TypeVar

import httpx
from pydantic import ValidationError

from kci_kubernetes_bridge.objects import Watched
from kci_kubernetes_bridge.refusals import Away
from kci_shared.lab import LabError

MAX_EVENT_BYTES = 4 * 2**20
MAX_MESSAGE_CHARS = 500

K = TypeVar("K", bound=Watched)


class Page(NamedTuple, Generic[K]):
    """A part of a list."""

    objects: list[K]
    version: str
    """Where to watch on from after the last page."""
    next: str
    """Where the next page begins; empty after the last one."""


class Change(NamedTuple, Generic[K]):
    """A change of one object."""

    is_gone: bool
    object: K


def read_object(kind: type[K], body: object) -> K:
    """Return a Job or a pod."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise LabError(f"Kubernetes: not a valid {kind.__name__}: {error}") from error


def read_page(kind: type[K], body: dict[str, Any]) -> Page[K]:
    """Return a page of a list."""
    meta = body.get("metadata") or {}
    return Page(
        objects=[read_object(kind, item) for item in body.get("items") or []],
        version=str(meta.get("resourceVersion", "")),
        next=str(meta.get("continue") or ""),
    )


def read_change(kind: type[K], line: bytes) -> Change[K]:
    """Return an event of a watch; raises `Away` when the watch has to begin anew."""
    try:
        event = json.loads(line)
        what, body = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise Away("Kubernetes: the watch was cut off") from error
    if what == "ERROR":  # such as 410: the version is too old
        raise Away(f"Kubernetes: the watch ended: {_message(body, 'no reason')}")
    return Change(what == "DELETED", read_object(kind, body))


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """Return an answer's JSON; raises `Away` for an answer of something in between."""
    try:
        body = answer.json()
    except ValueError as error:
        raise Away(f"Kubernetes: not JSON at {answer.request.url.path}") from error
    return body if isinstance(body, dict) else {}


def message_of(answer: httpx.Response) -> str:
    """Return why an API server refuses, in one line."""
    try:
        return _message(answer.json(), answer.reason_phrase)
    except ValueError:
        return answer.reason_phrase


def _message(status: object, default: str) -> str:
    """Return the message of a `Status` object."""
    message = status.get("message") if isinstance(status, dict) else None
    return " ".join(str(message or default).split())[:MAX_MESSAGE_CHARS]


async def lines_of(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; one that was cut off is dropped."""
    rest = b""
    async for chunk in answer.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > MAX_EVENT_BYTES:
            raise Away(f"Kubernetes: an event is longer than {MAX_EVENT_BYTES} bytes")
