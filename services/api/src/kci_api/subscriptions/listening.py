# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscribe and listen, without loss when a client or a replica goes away."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import assert_never

from kci_api.events.broadcast import Broadcast
from kci_api.events.rules import Entry
from kci_api.resets import Reset
from kci_api.subscriptions.durable import DurablePositions
from kci_api.subscriptions.rules import Subscription, check_owner
from kci_api.subscriptions.store import Answer, SubscriptionStore, SubscriptionUse
from kci_api.subscriptions.turns import PositionMoved, Turn, superseded
from kci_shared.models import CHANNEL

WAIT_S = 45.0
"""How long a listen waits for an event: less than the 60 s of clients."""
MIN_PAGE = 20
"""How many events are read at once, at least: not all of them match."""


@dataclass(frozen=True)
class Listen:
    """One request for new events."""

    subscription: int
    user: str
    limit: int
    received: int | None
    """The last position that the client has received; None: all of the last answer."""
    disconnected: Callable[[], Awaitable[bool]]
    """Returns whether the client has gone."""
    reset: Reset
    """Fires later if the client goes without reading the response."""


@dataclass(frozen=True)
class Messages:
    """The events of one response; none if none came in time."""

    channel: str
    entries: list[Entry]


@dataclass(frozen=True)
class Sent:
    """What a response contained: the events between two positions."""

    subscription: int
    user: str
    start: int
    end: int


@dataclass(frozen=True)
class Search:
    """A search for events: from which position, and until which time."""

    subscription: Subscription
    start: int
    limit: int
    until: float


class Subscriptions:
    """Lets clients subscribe to channels, and listen to them."""

    def __init__(
        self,
        store: SubscriptionStore,
        durable: DurablePositions,
        nodes: Broadcast,
        published: Broadcast,
    ) -> None:
        self._store = store
        self._durable = durable
        self._nodes = nodes
        self._published = published
        self._retractions: set[asyncio.Task[None]] = set()
        self._turns: dict[tuple[int, str], Turn] = {}

    async def subscribe(self, new: Subscription) -> None:
        """Add a subscription from now on, or from its durable subscriber's position."""
        position, old = self._broadcast(new).position, None
        if new.subscriber is not None:
            position, old = await self._durable.begin(new, position)
        await self._store.add(new, position)
        if old is not None:
            await self._store.remove(
                Subscription(old, new.channel, new.user, new.reach)
            )

    async def unsubscribe(self, subscription_id: int, user: str) -> None:
        """End a subscription; a durable subscriber keeps its position."""
        subscription = await self._store.get(subscription_id)
        check_owner(user, subscription.user)
        await self._store.remove(subscription)
        if turn := self._turns.get((subscription_id, user)):
            turn.supersede()

    def close(self) -> None:
        """End all listens, because the process stops."""
        self._nodes.close()
        self._published.close()

    async def all(self) -> list[SubscriptionUse]:
        """Return all subscriptions."""
        return await self._store.all()

    async def listen(self, request: Listen) -> Messages:
        """Return new events as soon as there are any; none after `WAIT_S`.

        Of two listens at once the newer one goes on, the older one gets `Conflict`.
        """
        key = (request.subscription, request.user)
        older, turn = self._turns.get(key), Turn()
        self._turns[key] = turn
        try:
            if older is not None:
                older.supersede()
                await older.over.wait()
            return await self._listen(request, turn)
        finally:
            turn.over.set()
            if self._turns.get(key) is turn:
                del self._turns[key]

    async def _listen(self, request: Listen, turn: Turn) -> Messages:
        listener, until = token_hex(8), monotonic() + WAIT_S
        received = request.received
        while True:
            subscription, start = await self._store.begin(
                request.subscription, request.user, listener, received
            )
            check_owner(request.user, subscription.user)
            if subscription.subscriber is not None:
                await self._durable.move(subscription, start)
            search = Search(subscription, start, request.limit, until)
            try:
                entries, end = await turn.wait(self._search(search))
            except PositionMoved:
                continue
            sent = Sent(request.subscription, request.user, start, end)
            if await self._may_send(sent, listener):
                break
            received = None  # another answer was taken back: search again
        if await request.disconnected():
            await self._retract(sent)
        request.reset.set_callback(lambda: self._retract_soon(sent))
        return Messages(subscription.channel, entries)

    async def _may_send(self, sent: Sent, listener: str) -> bool:
        answer = await self._store.answer(
            sent.subscription, listener, sent.start, sent.end
        )
        match answer:
            case Answer.GIVEN:
                return True
            case Answer.MOVED:
                return False
            case Answer.SUPERSEDED:
                raise superseded()
            case _:
                assert_never(answer)

    def _retract_soon(self, sent: Sent) -> None:
        task = asyncio.create_task(self._retract(sent))
        self._retractions.add(task)
        task.add_done_callback(self._retractions.discard)

    async def _retract(self, sent: Sent) -> None:
        """Take back a response that was not read; a waiting listen searches again."""
        await self._store.retract(sent.subscription, sent.start, sent.end)
        if turn := self._turns.get((sent.subscription, sent.user)):
            turn.search_again()

    async def _search(self, search: Search) -> tuple[list[Entry], int]:
        """Return matching events, and the position up to which it searched."""
        broadcast, position = self._broadcast(search.subscription), search.start
        matches: list[Entry] = []
        while not matches:
            left = max(0.0, search.until - monotonic())
            limit = max(search.limit, MIN_PAGE)
            entries = await broadcast.read_after(position, limit, left)
            if not entries:
                break
            for entry in entries:
                position = entry.sequence
                if search.subscription.matches(entry):
                    matches.append(entry)
                if len(matches) == search.limit:
                    break
        return matches, position

    def _broadcast(self, subscription: Subscription) -> Broadcast:
        return self._nodes if subscription.channel == CHANNEL else self._published
