# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscriptions in Redis: their positions, and their last answers.

A subscription is a hash: its user and channel; `place`, the position up to which the
client has received all; `answered`, the position up to which the last answer went;
`listener`, the newest listener. Each step is one script, so that replicas
can take turns.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from kci_api.subscriptions.rules import Reach, Subscription
from kci_shared.errors import NotFound, TooMany

MAX_PER_USER = 10_000
"""How many subscriptions a user may have."""
FIELDS = ("channel", "user", "reach", "subscriber", "place")

BEGIN = """
local user = redis.call('HGET', KEYS[1], 'user')
if user == ARGV[1] then
    local answered = redis.call('HGET', KEYS[1], 'answered')
    local received = answered
    if ARGV[5] ~= '' then received = ARGV[5] end
    if answered and tonumber(received) <= tonumber(answered) then
        redis.call('HSET', KEYS[1], 'place', received)
    end
    redis.call('HDEL', KEYS[1], 'answered')
    redis.call('HSET', KEYS[1], 'listener', ARGV[2], 'polled', ARGV[3])
    redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return redis.call('HMGET', KEYS[1], 'channel', 'user', 'reach', 'subscriber', 'place')
"""
"""Take the last answer as received; the caller is the newest listener."""
ANSWER = """
if redis.call('HGET', KEYS[1], 'listener') ~= ARGV[1] then return 'superseded' end
if redis.call('HGET', KEYS[1], 'place') ~= ARGV[2] then return 'moved' end
redis.call('HSET', KEYS[1], 'answered', ARGV[3])
return 'given'
"""
"""Record an answer, unless there is a newer listener, or the position moved."""
RETRACT = """
if redis.call('HGET', KEYS[1], 'answered') == ARGV[2] then
    redis.call('HDEL', KEYS[1], 'answered')
elseif redis.call('HGET', KEYS[1], 'place') == ARGV[2] then
    redis.call('HSET', KEYS[1], 'place', ARGV[1])
    redis.call('HDEL', KEYS[1], 'answered')
end
"""
"""Take back an answer that was not read, and the one after it."""


@dataclass(frozen=True)
class SubscriptionUse:
    """A subscription, and when it was used, in seconds since the epoch."""

    subscription: Subscription
    created: float
    polled: float


class Answer(StrEnum):
    """What becomes of an answer."""

    GIVEN = "given"
    """It is sent to the client."""
    SUPERSEDED = "superseded"
    """There is a newer listener."""
    MOVED = "moved"
    """The position moved since the search began."""


class SubscriptionStore:
    """The subscriptions of all replicas, with their positions."""

    def __init__(self, redis: Redis, life_s: float) -> None:
        self._redis = redis
        self._life_s = int(life_s)
        self._begin = redis.register_script(BEGIN)
        self._answer = redis.register_script(ANSWER)
        self._retract = redis.register_script(RETRACT)

    async def add(self, new: Subscription, position: int) -> None:
        """Add a subscription at a position; `TooMany` if the user has too many."""
        now = time.time()
        index = _index(new.user)
        if (
            await self._redis.zcard(index) >= MAX_PER_USER
            and len(await self._of(index)) >= MAX_PER_USER
        ):
            raise TooMany(f"you have {MAX_PER_USER} subscriptions; unsubscribe some")
        fields: Any = {
            "channel": new.channel,
            "user": new.user,
            "reach": new.reach.value,
            "subscriber": new.subscriber or "",
            "place": position,
            "created": now,
            "polled": now,
        }
        async with self._redis.pipeline(transaction=True) as change:
            change.hset(_key(new.id), mapping=fields)
            change.expire(_key(new.id), self._life_s)
            change.zadd(index, {str(new.id): now})
            await change.execute()

    async def remove(self, subscription: Subscription) -> None:
        """Remove a subscription, if it exists."""
        async with self._redis.pipeline(transaction=True) as change:
            change.delete(_key(subscription.id))
            change.zrem(_index(subscription.user), str(subscription.id))
            await change.execute()

    async def get(self, subscription_id: int) -> Subscription:
        """Return a subscription; `NotFound` if there is no such subscription."""
        call: Any = self._redis.hmget(_key(subscription_id), FIELDS)
        return _read(subscription_id, await call)[0]

    async def begin(
        self, subscription_id: int, user: str, listener: str, received: int | None
    ) -> tuple[Subscription, int]:
        """Begin to listen; return the subscription and its position.

        The last answer counts as received, up to `received` if that is given.
        """
        reply: Any = await self._begin(
            [_key(subscription_id)],
            [user, listener, time.time(), self._life_s, _text(received)],
        )
        return _read(subscription_id, reply)

    async def answer(
        self, subscription_id: int, listener: str, start: int, end: int
    ) -> Answer:
        """Record an answer with the events between two positions, if it may be sent."""
        keys = [_key(subscription_id)]
        return Answer(await self._answer(keys, [listener, start, end]))

    async def retract(self, subscription_id: int, start: int, end: int) -> None:
        """Take back an answer that was not read."""
        await self._retract([_key(subscription_id)], [start, end])

    async def all(self) -> list[SubscriptionUse]:
        """Return all subscriptions, for administrators."""
        subscriptions: list[SubscriptionUse] = []
        async for index in self._redis.scan_iter(match=_index("*")):
            subscriptions += await self._of(index)
        return subscriptions

    async def _of(self, index: str) -> list[SubscriptionUse]:
        """Return the subscriptions of a user; remove expired ones from the index."""
        uses: list[SubscriptionUse] = []
        names: Any = await self._redis.zrange(index, 0, -1)
        for name in names:
            call: Any = self._redis.hgetall(_key(int(name)))
            if values := await call:
                uses.append(_use(int(name), values))
            else:
                await self._redis.zrem(index, name)
        return uses


def _key(subscription_id: int) -> str:
    return f"subscription:{subscription_id}"


def _index(user: str) -> str:
    return f"subscriptions:{user}"


def _text(position: int | None) -> str:
    return "" if position is None else str(position)


def _read(subscription_id: int, reply: list[Any]) -> tuple[Subscription, int]:
    values = dict(zip(FIELDS, reply, strict=True))
    if values["user"] is None:
        raise NotFound(f"Subscription id not found: {subscription_id}")
    return _subscription(subscription_id, values), int(values["place"])


def _subscription(subscription_id: int, values: dict[str, Any]) -> Subscription:
    return Subscription(
        id=subscription_id,
        channel=values["channel"],
        user=values["user"],
        reach=Reach(values["reach"]),
        subscriber=values["subscriber"] or None,
    )


def _use(subscription_id: int, values: dict[str, Any]) -> SubscriptionUse:
    return SubscriptionUse(
        _subscription(subscription_id, values),
        float(values["created"]),
        float(values["polled"]),
    )
