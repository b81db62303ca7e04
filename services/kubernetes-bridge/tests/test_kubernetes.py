# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client reads answers of API servers, good and bad ones."""

import asyncio

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


async def test_deleting_a_job_or_reading_a_log_that_is_gone_is_no_error(
    kubernetes: Kubernetes, fake: FakeCluster
) -> None:
    await kubernetes.delete("a")
    assert [chunk async for chunk in kubernetes.log("a-x", "job")] == []


@pytest.mark.parametrize("status", [500, 403])
async def test_a_refused_delete_or_log_is_an_error(
    kubernetes: Kubernetes, fake: FakeCluster, status: int
) -> None:
    fake.faults = [status]
    with pytest.raises(LabError, match="a fault"):
        await kubernetes.delete("a")
    fake.faults = [status]
    with pytest.raises(LabError, match="a fault"):
        [chunk async for chunk in kubernetes.log("a-x", "job")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "not JSON at /apis/batch"),
        (b'{"metadata": []}', "not a valid Job"),
        (b"[]", "not a valid Job"),
    ],
)
async def test_an_answer_that_is_no_job_is_an_error(body: bytes, reason: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with httpx.AsyncClient(transport=transport, base_url="http://k/") as http:
        with pytest.raises(LabError, match=reason):
            await Kubernetes(http, "kernelci").job("a")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html>", "Bad Gateway"), (b"[]", "Bad Gateway"), (b'{"message": "m"}', "m")],
)
async def test_a_refusal_repeats_the_servers_message_or_the_reason_phrase(
    body: bytes, reason: str
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(502, content=body))
    async with httpx.AsyncClient(transport=transport, base_url="http://k/") as http:
        with pytest.raises(Away, match=f"HTTP 502: {reason}$"):
            await Kubernetes(http, "kernelci").job("a")


async def test_a_very_long_event_does_not_fill_the_memory(
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


async def test_a_refused_watch_names_the_missing_right(
    kubernetes: Kubernetes, fake: FakeCluster
) -> None:
    fake.faults = [403]
    with pytest.raises(Denied, match="the right to watch batch/jobs"):
        [change async for change in kubernetes.watch(Job, "a=b", "1")]
