# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscriptions and lists, as existing clients use them."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx import AsyncClient

from integration.answers import CREATED_KEYS, Json, good
from integration.api_contract.conftest import Site
from kci_api.subscriptions import listening

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CLOUD_EVENT = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "data",
    "owner",
    "_sequence_id",
]
# for plain HTTP: loading certificates would take most of the time
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def event(message: Json) -> Any:
    assert list(message) == ["type", "pattern", "channel", "data"]
    assert (message["type"], message["pattern"]) == ("message", None)
    return json.loads(message["data"])


@pytest_asyncio.fixture(loop_scope="module")
async def alice(site: Site) -> AsyncIterator[AsyncClient]:
    yield await site.person(f"alice-{token_hex(3)}")


@pytest.fixture
def channel() -> str:
    return f"talk-{token_hex(3)}"


def impatient(client: AsyncClient, timeout: float) -> AsyncClient:
    """The same caller on a connection of its own, with a short timeout."""
    url, headers = client.base_url, client.headers
    return AsyncClient(base_url=url, headers=headers, timeout=timeout, verify=NO_TLS)


async def subscribe(client: AsyncClient, channel: str, **query: Any) -> Any:
    return await good(client.post(f"/subscribe/{channel}", params=query))


async def publish(client: AsyncClient, channel: str, *values: Any) -> None:
    for data in values:
        assert (
            await good(client.post(f"/publish/{channel}", json={"data": data})) is None
        )


async def hear(client: AsyncClient, sub: Json, **query: Any) -> Any:
    return await good(client.get(f"/listen/{sub['id']}", params=query))


async def hear_news(client: AsyncClient, sub: Json) -> Any:
    """Listen until an event comes: on a slow machine there are `BEEP`s before it."""
    while (message := await hear(client, sub))["data"] == "BEEP":
        pass
    return message


async def test_the_event_of_a_node_has_the_format_that_clients_know(
    alice: AsyncClient, a_checkout: Json
) -> None:
    sub = await subscribe(alice, "node")
    assert list(sub) == ["id", "channel", "user", "promiscuous"]
    assert (sub["channel"], sub["promiscuous"]) == ("node", False)
    node = await good(alice.post("/node", json=a_checkout))
    message = await hear(alice, sub)
    created = event(message)
    assert message["channel"] == "node"
    assert sorted(created) == sorted(CLOUD_EVENT)
    assert list(created["data"]) == CREATED_KEYS
    assert created["data"]["id"] == node["id"]
    await good(alice.patch(f"/node/{node['id']}", json={"state": "done"}))
    changed = event(await hear(alice, sub))
    assert changed["data"]["previous_state"] == "running"
    assert await good(alice.post(f"/unsubscribe/{sub['id']}")) is None
    for answer in (
        await alice.get(f"/listen/{sub['id']}"),
        await alice.post(f"/unsubscribe/{sub['id']}"),
    ):
        assert answer.status_code == 404


async def test_a_published_message_is_a_cloud_event_with_its_owner(
    alice: AsyncClient, channel: str
) -> None:
    sub = await subscribe(alice, channel)
    body = {
        "data": {"x": 1},
        "type": "t",
        "source": "https://s",
        "attributes": {"owner": "somebody", "id": "mine", "subject": "s"},
    }
    await good(alice.post(f"/publish/{channel}", json=body))
    message = event(await hear(alice, sub))
    assert (message["type"], message["source"], message["subject"]) == (
        "t",
        "https://s",
        "s",
    )
    assert message["data"] == {"x": 1}
    assert message["owner"] == sub["user"]
    assert message["id"] != "mine"


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": 1, "x": 2}, {"data": {"$x": 1}}]
)
async def test_an_invalid_message_is_refused(
    alice: AsyncClient, channel: str, body: Json
) -> None:
    for path in ("publish", "push"):
        answer = await alice.post(f"/{path}/{channel}", json=body)
        assert answer.status_code == 422, answer.text


async def test_nobody_publishes_on_the_channel_of_nodes(alice: AsyncClient) -> None:
    answer = await alice.post("/publish/node", json={"data": {"op": "created"}})
    assert answer.status_code == 403


async def test_a_subscription_gets_own_events_and_with_promisc_all(
    site: Site, alice: AsyncClient, channel: str
) -> None:
    bob = await site.person(f"bob-{token_hex(3)}")
    own, all_ = (
        await subscribe(alice, channel),
        await subscribe(alice, channel, promisc="true"),
    )
    assert all_["promiscuous"] is True
    await publish(bob, channel, "bob's")
    await publish(alice, channel, "alice's")
    assert event(await hear(alice, own))["data"] == "alice's"
    received = await hear(alice, all_, max=10)
    assert [event(one)["data"] for one in received] == ["bob's", "alice's"]


async def test_the_next_listen_acknowledges_the_last_response(
    alice: AsyncClient, channel: str
) -> None:
    sub = await subscribe(alice, channel)
    await publish(alice, channel, *range(5))
    assert event(await hear(alice, sub))["data"] == 0
    batch = await hear(alice, sub, max=3)
    assert [event(one)["data"] for one in batch] == [1, 2, 3]
    first = event(batch[0])["_sequence_id"]
    again = await hear(alice, sub, max=100, ack=first)
    assert [event(one)["data"] for one in again] == [2, 3, 4]
    assert event(again[0])["id"] == event(batch[1])["id"]


async def test_an_abandoned_listen_loses_nothing(
    alice: AsyncClient, channel: str
) -> None:
    sub = await subscribe(alice, channel)
    for number in range(0, 20, 2):
        with pytest.raises(httpx.ReadTimeout):
            async with impatient(alice, 0.1) as client:
                await client.get(f"/listen/{sub['id']}")
        await publish(alice, channel, number, number + 1)
        received: list[int] = []
        while len(received) < 2:
            received += [event(one)["data"] for one in await hear(alice, sub, max=100)]
        assert received == [number, number + 1]


async def test_clients_that_go_away_at_any_moment_lose_nothing(
    alice: AsyncClient, channel: str
) -> None:
    """Half of the listens are cut off, some of them within the response."""
    sub = await subscribe(alice, channel)
    numbers: set[int] = set()
    received = 0

    async def talk() -> None:
        for number in range(100):
            await publish(alice, channel, number)

    talking = asyncio.create_task(talk())
    turn = 0
    until = time.monotonic() + 60
    while len(numbers) < 100 and time.monotonic() < until:
        turn += 1
        timeout = 30 if turn % 2 else 0.002 * (turn % 7)
        try:
            async with impatient(alice, timeout or 0.001) as client:
                query = {"max": 10, "ack": received}
                answer = await client.get(f"/listen/{sub['id']}", params=query)
        except httpx.TimeoutException:
            continue
        if answer.status_code == 409:  # one that was cut off arrived later
            continue
        batch = answer.raise_for_status().json()
        numbers |= {event(one)["data"] for one in batch}
        received = event(batch[-1])["_sequence_id"]
    await talking
    assert sorted(numbers) == list(range(100))


async def test_a_response_that_was_not_read_is_sent_again(
    alice: AsyncClient, channel: str
) -> None:
    sub = await subscribe(alice, channel)
    host, port = alice.base_url.host, alice.base_url.port
    head = f"GET /listen/{sub['id']} HTTP/1.1\r\nHost: x\r\n"
    login = f"Authorization: {alice.headers['Authorization']}\r\n\r\n"
    for number in range(10):
        _, writer = await asyncio.open_connection(host, port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write((head + login).encode())
        await asyncio.sleep(0.02 if number % 2 else 0)
        await publish(alice, channel, number)
        await asyncio.sleep(0.05)
        writer.close()
    received: list[int] = []
    while 9 not in received:
        received += [event(one)["data"] for one in await hear(alice, sub, max=100)]
    assert received == list(range(10))


async def test_the_newer_of_two_listens_supersedes_the_other(
    site: Site, admin: AsyncClient, alice: AsyncClient, channel: str
) -> None:
    sub = await subscribe(alice, channel)
    for newer in (alice, await site.at(alice, 1)):
        first = await start_to_listen(admin, alice, sub)
        second = await start_to_listen(admin, newer, sub)
        await publish(alice, channel, "x")
        assert event((await second).json())["data"] == "x"
        assert (await first).status_code == 409, (await first).text


async def start_to_listen(
    admin: AsyncClient, client: AsyncClient, sub: Json
) -> asyncio.Task[httpx.Response]:
    """Start to listen; return when the API has seen the request."""
    before = await last_poll(admin, sub)
    listens = asyncio.create_task(client.get(f"/listen/{sub['id']}"))
    async with asyncio.timeout(60):
        while await last_poll(admin, sub) == before:
            await asyncio.sleep(0.05)
    return listens


async def last_poll(admin: AsyncClient, sub: Json) -> str:
    """Return when the latest listen began."""
    every = await good(admin.get("/stats/subscriptions"))
    [stats] = [one for one in every if one["id"] == sub["id"]]
    return str(stats["last_poll"])


async def test_any_replica_serves_any_subscription(
    site: Site, alice: AsyncClient, channel: str
) -> None:
    sub = await subscribe(alice, channel)
    other = await site.at(alice, 1)
    for number in range(20):
        speaker, listener = (alice, other) if number % 2 else (other, alice)
        await publish(speaker, channel, number)
        assert event(await hear(listener, sub))["data"] == number


async def test_a_subscription_is_for_its_owner_only(
    site: Site, admin: AsyncClient, alice: AsyncClient, channel: str
) -> None:
    bob = await site.person(f"bob-{token_hex(3)}")
    name = f"lab-{token_hex(3)}"
    sub = await subscribe(alice, channel, subscriber_id=name)
    waiting = await start_to_listen(admin, alice, sub)
    before = await good(admin.get("/stats/subscriptions"))
    for answer in (
        await bob.get(f"/listen/{sub['id']}"),
        await bob.post(f"/unsubscribe/{sub['id']}"),
        await bob.post(f"/subscribe/{channel}", params={"subscriber_id": name}),
    ):
        assert answer.status_code == 403, answer.text
    after = await good(admin.get("/stats/subscriptions"))
    assert [one["id"] for one in after] == [one["id"] for one in before]
    await publish(alice, channel, "still here")
    assert event((await waiting).json())["data"] == "still here"


async def test_a_durable_subscriber_resumes_at_its_position(
    site: Site, alice: AsyncClient, channel: str
) -> None:
    name = f"lab-{token_hex(3)}"
    first = await subscribe(alice, channel, subscriber_id=name)
    await publish(alice, channel, *range(6))
    assert event(await hear(alice, first))["data"] == 0
    kept = await hear(alice, first, max=2)
    assert [event(one)["data"] for one in kept] == [1, 2]
    second = await subscribe(alice, channel, subscriber_id=name)
    assert (await alice.get(f"/listen/{first['id']}")).status_code == 404
    again = await hear(alice, second, max=100)
    assert [event(one)["data"] for one in again] == [1, 2, 3, 4, 5]
    assert again[0] == kept[0], "the same event has the same id"
    other = await alice.post("/subscribe/x", params={"subscriber_id": name})
    assert other.status_code == 400


async def test_a_durable_subscriber_misses_nothing_when_redis_loses_all(
    site: Site, alice: AsyncClient, a_checkout: Json
) -> None:
    name = f"lab-{token_hex(3)}"
    sub = await subscribe(alice, "node", subscriber_id=name)
    await good(alice.post("/node", json=a_checkout))
    seen = event(await hear(alice, sub))
    await site.stores.redis.flushall()
    ids = [(await good(alice.post("/node", json=a_checkout)))["id"] for _ in range(4)]
    assert (await alice.get(f"/listen/{sub['id']}")).status_code == 404
    sub = await subscribe(alice, "node", subscriber_id=name)
    received: list[Any] = []
    while len(received) < 5:
        received += [event(one) for one in await hear(alice, sub, max=100)]
    assert received[0] == seen
    assert [one["data"]["id"] for one in received[1:]] == ids


async def test_a_listen_without_events_returns_a_beep(
    alice: AsyncClient, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "WAIT_S", 0.2)
    sub = await subscribe(alice, channel)
    beep = {"type": "message", "pattern": None, "channel": channel, "data": "BEEP"}
    assert await hear(alice, sub) == beep
    assert await hear(alice, sub, max=5) == [beep]
    await publish(alice, channel, "x")
    assert event(await hear(alice, sub))["data"] == "x"


async def listeners(admin: AsyncClient) -> set[int]:
    """Return the subscriptions that have been listened to."""
    every = await good(admin.get("/stats/subscriptions"))
    return {one["id"] for one in every if one["last_poll"] != one["created"]}


async def test_many_subscribers_do_not_block_writers(
    site: Site, admin: AsyncClient, alice: AsyncClient, a_checkout: Json
) -> None:
    """There are more subscribers than connections to Redis."""
    crowd = [await site.at(alice, number % 2) for number in range(150)]
    subs = [await subscribe(one, "node") for one in crowd]
    subscriptions = [
        asyncio.create_task(hear_news(one, sub))
        for one, sub in zip(crowd, subs, strict=True)
    ]
    ids = {sub["id"] for sub in subs}
    async with asyncio.timeout(60):
        while not ids <= await listeners(admin):
            await asyncio.sleep(0.1)
    node = await good(alice.post("/node", json=a_checkout))
    received = {
        event(message)["data"]["id"] for message in await asyncio.gather(*subscriptions)
    }
    assert received == {node["id"]}


async def test_each_message_of_a_list_goes_to_one_client(
    site: Site, alice: AsyncClient, channel: str
) -> None:
    other = await site.at(alice, 1)
    waiting = [
        asyncio.create_task(good(one.get(f"/pop/{channel}")))
        for one in (alice, alice, other)
    ]
    async with asyncio.timeout(60):
        while not all(channel in one.stores.lists._arrivals for one in site.replicas):
            await asyncio.sleep(0.01)
    for number in range(3):
        await good(alice.post(f"/push/{channel}", json={"data": number}))
    popped = await asyncio.gather(*waiting)
    assert sorted(one["data"] for one in popped) == [0, 1, 2]
    assert {one["specversion"] for one in popped} == {"1.0"}


async def test_an_abandoned_pop_takes_nothing(alice: AsyncClient, channel: str) -> None:
    async with impatient(alice, 0.1) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"/pop/{channel}")
    await good(alice.post(f"/push/{channel}", json={"data": "x"}))
    assert (await good(alice.get(f"/pop/{channel}")))["data"] == "x"


async def test_a_value_is_kept_for_all(site: Site, alice: AsyncClient) -> None:
    bob = await site.person(f"bob-{token_hex(3)}")
    address = f"/kv/space/{token_hex(3)}"
    assert await good(alice.get(address)) is None
    assert await good(alice.post(address, json="one")) == "OK"
    assert await good(bob.get(address)) == "one"
    assert await good(bob.post(address)) == "OK"
    assert await good(alice.get(address)) is None
    await good(alice.post(address, json="two"))
    deleted = await alice.delete(address)
    assert deleted.text == "Key-value pair deleted successfully"
    assert await good(alice.get(address)) is None


async def test_a_lab_can_neither_publish_nor_set_values(site: Site) -> None:
    lab = await site.service("runtime:lab-x")
    for answer in (
        await lab.post("/publish/x", json={"data": 1}),
        await lab.post("/push/x", json={"data": 1}),
        await lab.get("/pop/x"),
        await lab.post("/kv/a/b", json="x"),
        await lab.delete("/kv/a/b"),
    ):
        assert answer.status_code == 403
    sub = await subscribe(lab, "node", promisc="true")
    assert sub["user"].startswith("service-")
