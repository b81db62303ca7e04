# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscribing and listening: nothing is lost, whoever goes away in the middle."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic

from kci_api.events.broadcast import Broadcast
from kci_api.events.rules import Entry
from kci_api.resets import Reset
from kci_api.subscriptions.durable import DurablePlaces
from kci_api.subscriptions.rules import Subscription, check_owner
from kci_api.subscriptions.store import AnswerOutcome, Known, SubscriptionStore
from kci_api.subscriptions.turns import PlaceMoved, Turn, overtaken
from kci_shared.models import CHANNEL

WAIT_S = 45.0
"""How long a client waits for nothing: shorter than its own 60 s."""
FEWEST = 20
"""How many events are read at once for one who may not want each."""

Gone = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class ListenRequest:
    """One request for what is new."""

    subscription: int
    user: str
    most: int
    received: int | None
    """The last place that the caller has received; None = all that was answered."""
    gone: Gone
    """Tells whether the caller is there no more."""
    reset: Reset
    """Tells later that the caller went without reading the answer."""


class Subscriptions:
    """Lets clients listen from places that are kept for them."""

    def __init__(
        self,
        store: SubscriptionStore,
        durable: DurablePlaces,
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
        """Add a subscription: from now on, or from where its subscriber was."""
        place, old = self._broadcast(new).position, None
        if new.subscriber is not None:
            place, old = await self._durable.begin(new, place)
        await self._store.add(new, place)
        if old is not None:
            await self._store.remove(
                Subscription(old, new.channel, new.user, new.reach)
            )

    async def unsubscribe(self, subscription_id: int, user: str) -> None:
        """End a subscription; the place of a durable subscriber stays."""
        found = await self._store.get(subscription_id)
        check_owner(user, found.user)
        await self._store.remove(found)
        if turn := self._turns.get((subscription_id, user)):
            turn.overtake()

    def close(self) -> None:
        """Let all who listen come to their end."""
        self._nodes.close()
        self._published.close()

    async def all(self) -> list[Known]:
        """Return all subscriptions."""
        return await self._store.all()

    async def listen(self, asked: ListenRequest) -> "Messages":
        """Return what is new as soon as there is something; nothing after a while.

        Of two who listen at once the newer one wins, and the older one is told.
        """
        key = (asked.subscription, asked.user)
        older, turn = self._turns.get(key), Turn()
        self._turns[key] = turn
        try:
            if older is not None:
                older.overtake()
                await older.over.wait()
            return await self._listen(asked, turn)
        finally:
            turn.over.set()
            if self._turns.get(key) is turn:
                del self._turns[key]

    async def _listen(self, asked: ListenRequest, turn: Turn) -> "Messages":
        listener, until = token_hex(8), monotonic() + WAIT_S
        received = asked.received
        while True:
            subscription, start = await self._store.begin(
                asked.subscription, asked.user, listener, received
            )
            check_owner(asked.user, subscription.user)
            if subscription.subscriber is not None:
                await self._durable.move(subscription, start)
            look = Look(subscription, start, asked.most, until)
            try:
                entries, end = await turn.wait(self._wanted(look))
            except PlaceMoved:
                continue
            said = await self._store.answer(asked.subscription, listener, start, end)
            if said is AnswerOutcome.OVERTAKEN:
                raise overtaken()
            if said is AnswerOutcome.GIVEN:
                break
            received = None  # another one's answer was taken back: look again
        answer = Answer(asked.subscription, asked.user, start, end)
        if await asked.gone():
            await self._retract(answer)
        asked.reset.then(lambda: self._retract_soon(answer))
        return Messages(subscription.channel, entries)

    def _retract_soon(self, answer: "Answer") -> None:
        task = asyncio.create_task(self._retract(answer))
        self._retractions.add(task)
        task.add_done_callback(self._retractions.discard)

    async def _retract(self, answer: "Answer") -> None:
        """Take back an answer that nobody read; a listen since then looks again."""
        await self._store.retract(answer.subscription, answer.start, answer.end)
        if turn := self._turns.get((answer.subscription, answer.user)):
            turn.look_again()

    async def _wanted(self, look: "Look") -> tuple[list[Entry], int]:
        """Return what a subscriber wants, and up to where all was looked at."""
        broadcast, place = self._broadcast(look.subscription), look.start
        found: list[Entry] = []
        while not found:
            left = look.until - monotonic()
            most = max(look.most, FEWEST)
            entries = await broadcast.following(place, most, max(0.0, left))
            if not entries:
                break
            for entry in entries:
                place = entry.sequence
                if look.subscription.wants(entry):
                    found.append(entry)
                if len(found) == look.most:
                    break
        return found, place

    def _broadcast(self, subscription: Subscription) -> Broadcast:
        return self._nodes if subscription.channel == CHANNEL else self._published


@dataclass(frozen=True)
class Messages:
    """What came on a channel; nothing, if nothing came in time."""

    channel: str
    entries: list[Entry]


@dataclass(frozen=True)
class Answer:
    """What was answered: all between two places."""

    subscription: int
    user: str
    start: int
    end: int


@dataclass(frozen=True)
class Look:
    """What is looked for, from where, and until when."""

    subscription: Subscription
    start: int
    most: int
    until: float
