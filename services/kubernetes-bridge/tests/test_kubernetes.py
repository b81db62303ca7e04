# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client reads answers of API servers, good and bad ones."""

import asyncio
from http import HTTPStatus

import httpx
import pytest
from kubernetes_bridge_fakes import FakeCluster, until

from kci_kubernetes_bridge import answers
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.objects import Job, Pod
from kci_kubernetes_bridge.refusals import Away, Denied, Right, refusal
from kci_shared.lab import LabError
from kci_shared.work import BadJob, CannotRun

RIGHT = Right("create", "batch/jobs", "kernelci")


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (401, "Unauthorized", Denied),
        (403, "forbidden: User cannot create", Denied),
        (403, "forbidden: exceeded quota: pods", LabError),
        (400, "invalid", BadJob),
        (422, "invalid", BadJob),
        (408, "slow", Away),
        (410, "too old", Away),
        (429, "too many", Away),
        (500, "etcd", Away),
        (503, "starting", Away),
        (413, "too large", LabError),
        (302, "elsewhere", LabError),
    ],
)
def test_a_refusal_is_waited_out_or_ends_the_job(
    status: int, message: str, error: type[CannotRun]
) -> None:
    refused = refusal(status, message, RIGHT)
    assert type(refused) is error
    assert message in str(refused)


def test_a_missing_right_is_named_as_a_role_names_it() -> None:
    assert str(refusal(403, "no", RIGHT)).startswith(
        "the bridge needs the right to create batch/jobs in the namespace kernelci"
    )


@pytest.mark.parametrize("status", [500, 403, 404])
async def test_a_refused_delete_or_list_is_an_error_but_for_what_is_gone(
    kubernetes: Kubernetes, fake: FakeCluster, status: int
) -> None:
    fake.faults = [status]
    if status == HTTPStatus.NOT_FOUND:
        await kubernetes.delete("a")
        return
    with pytest.raises(LabError, match="a fault"):
        await kubernetes.delete("a")
    fake.faults = [status]
    with pytest.raises(LabError, match="a fault"):
        [chunk async for chunk in kubernetes.log("a-x", "job")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "no JSON at /apis/batch"),
        (b'{"metadata": []}', "unknown form of Job"),
        (b"[]", "unknown form of Job"),
    ],
)
async def test_an_answer_of_something_else_is_no_job(body: bytes, reason: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with httpx.AsyncClient(transport=transport, base_url="http://k/") as http:
        with pytest.raises(LabError, match=reason):
            await Kubernetes(http, "kernelci").job("a")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html>", "Bad Gateway"), (b"[]", "Bad Gateway"), (b'{"message": "m"}', "m")],
)
async def test_a_refusal_says_why_in_the_servers_words_or_in_http_s(
    body: bytes, reason: str
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(502, content=body))
    async with httpx.AsyncClient(transport=transport, base_url="http://k/") as http:
        with pytest.raises(Away, match=f"HTTP 502: {reason}$"):
            await Kubernetes(http, "kernelci").job("a")


async def test_an_event_without_end_does_not_fill_the_memory(
    kubernetes: Kubernetes, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_EVENT_BYTES", 1000)

    async def follow() -> None:
        async for _ in kubernetes.watch(Pod, "a=b", "1"):
            pass

    following = asyncio.create_task(follow())
    await until(lambda: fake.watches)
    fake.end_watches(b"x" * 2000)
    with pytest.raises(Away, match="longer than 1000 bytes"):
        await following


async def test_a_watch_that_is_refused_says_which_right_is_missing(
    kubernetes: Kubernetes, fake: FakeCluster
) -> None:
    fake.faults = [403]
    with pytest.raises(Denied, match="the right to watch batch/jobs"):
        [change async for change in kubernetes.watch(Job, "a=b", "1")]
