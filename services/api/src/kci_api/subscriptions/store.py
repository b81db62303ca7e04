# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscriptions in Redis: where each one is, and what it was told last.

A subscription is a hash: who listens to what; `place`, up to where all was received;
`answered`, up to where the last answer went; `listener`, which of two that listen at
once is the newer. Each step is one script, so any replica may take it.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from kci_api.subscriptions.rules import Reach, Subscription
from kci_shared.errors import NotFound, TooMany

MOST = 10_000
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
"""Take what was answered as received; the caller listens now."""
ANSWER = """
if redis.call('HGET', KEYS[1], 'listener') ~= ARGV[1] then return 'overtaken' end
if redis.call('HGET', KEYS[1], 'place') ~= ARGV[2] then return 'moved' end
redis.call('HSET', KEYS[1], 'answered', ARGV[3])
return 'given'
"""
"""Note what is being answered, unless somebody else listens, or the place moved."""
RETRACT = """
if redis.call('HGET', KEYS[1], 'answered') == ARGV[2] then
    redis.call('HDEL', KEYS[1], 'answered')
elseif redis.call('HGET', KEYS[1], 'place') == ARGV[2] then
    redis.call('HSET', KEYS[1], 'place', ARGV[1])
    redis.call('HDEL', KEYS[1], 'answered')
end
"""
"""Take an answer back that nobody read, and the one after it."""


@dataclass(frozen=True)
class Known:
    """A subscription as an administrator sees it."""

    subscription: Subscription
    created: float
    polled: float


class AnswerOutcome(StrEnum):
    """What becomes of an answer."""

    GIVEN = "given"
    OVERTAKEN = "overtaken"
    """Somebody else listens now."""
    MOVED = "moved"
    """The place is not where it was."""


class SubscriptionStore:
    """Who listens, from where."""

    def __init__(self, redis: Redis, life_s: float) -> None:
        self._redis = redis
        self._life_s = int(life_s)
        self._begin = redis.register_script(BEGIN)
        self._answer = redis.register_script(ANSWER)
        self._retract = redis.register_script(RETRACT)

    async def add(self, new: Subscription, place: int) -> None:
        """Add a subscription that begins at a place; `TooMany` if the user has many."""
        now = time.time()
        index = _index(new.user)
        if (
            await self._redis.zcard(index) >= MOST
            and len(await self._of(index)) >= MOST
        ):
            raise TooMany(f"you have {MOST} subscriptions; unsubscribe some")
        fields: Any = {
            "channel": new.channel,
            "user": new.user,
            "reach": new.reach.value,
            "subscriber": new.subscriber or "",
            "place": place,
            "created": now,
            "polled": now,
        }
        async with self._redis.pipeline(transaction=True) as change:
            change.hset(_key(new.id), mapping=fields)
            change.expire(_key(new.id), self._life_s)
            change.zadd(index, {str(new.id): now})
            await change.execute()

    async def remove(self, gone: Subscription) -> None:
        """Remove a subscription, if it is still there."""
        async with self._redis.pipeline(transaction=True) as change:
            change.delete(_key(gone.id))
            change.zrem(_index(gone.user), str(gone.id))
            await change.execute()

    async def get(self, subscription_id: int) -> Subscription:
        """Return a subscription; `NotFound` if there is none."""
        call: Any = self._redis.hmget(_key(subscription_id), FIELDS)
        return _read(subscription_id, await call)[0]

    async def begin(
        self, subscription_id: int, user: str, listener: str, received: int | None
    ) -> tuple[Subscription, int]:
        """Say who listens now; return from where.

        What was answered before counts as received, or only what is up to `received`.
        """
        reply: Any = await self._begin(
            [_key(subscription_id)],
            [user, listener, time.time(), self._life_s, _text(received)],
        )
        return _read(subscription_id, reply)

    async def answer(
        self, subscription_id: int, listener: str, start: int, end: int
    ) -> "AnswerOutcome":
        """Note an answer of what lies between two places, if it may be given."""
        keys = [_key(subscription_id)]
        return AnswerOutcome(await self._answer(keys, [listener, start, end]))

    async def retract(self, subscription_id: int, start: int, end: int) -> None:
        """Take an answer back that nobody was there for."""
        await self._retract([_key(subscription_id)], [start, end])

    async def all(self) -> list[Known]:
        """Return all subscriptions, for whoever looks after them."""
        found: list[Known] = []
        async for index in self._redis.scan_iter(match=_index("*")):
            found += await self._of(index)
        return found

    async def _of(self, index: str) -> list[Known]:
        """Return the subscriptions of a user; forget those that nobody polled."""
        found: list[Known] = []
        names: Any = await self._redis.zrange(index, 0, -1)
        for name in names:
            call: Any = self._redis.hgetall(_key(int(name)))
            if values := await call:
                found.append(_known(int(name), values))
            else:
                await self._redis.zrem(index, name)
        return found


def _key(subscription_id: int) -> str:
    return f"subscription:{subscription_id}"


def _index(user: str) -> str:
    return f"subscriptions:{user}"


def _text(place: int | None) -> str:
    return "" if place is None else str(place)


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


def _known(subscription_id: int, values: dict[str, Any]) -> Known:
    return Known(
        _subscription(subscription_id, values),
        float(values["created"]),
        float(values["polled"]),
    )
