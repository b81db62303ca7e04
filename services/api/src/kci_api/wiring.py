# SPDX-License-Identifier: LGPL-2.1-or-later
"""Open the stores of the API, with the tasks that move events between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from beanie import init_beanie
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import BlockingConnectionPool, Redis

from kci_api.audit.documents import AuditDocument
from kci_api.audit.store import Audit
from kci_api.callers.authenticator import Authenticator
from kci_api.callers.documents import TokenDocument, UserDocument
from kci_api.callers.signer import Signer
from kci_api.callers.store import UserStore
from kci_api.channels.stream import PublishedStream
from kci_api.claims.store import ClaimStore
from kci_api.events.bell import Bell
from kci_api.events.broadcast import Broadcast
from kci_api.events.byte_budget import Unread
from kci_api.events.documents import EventDocument, LeaseDocument
from kci_api.events.lease import Lease
from kci_api.events.relay import Relay
from kci_api.events.store import EventStore, PendingEvents
from kci_api.events.stream import NodeStream
from kci_api.events.tasks import relaying
from kci_api.groups.documents import GroupDocument
from kci_api.groups.store import GroupStore
from kci_api.kv.documents import ValueDocument
from kci_api.kv.store import ValueStore
from kci_api.lists.store import ListStore
from kci_api.logins.limits import LoginLimits
from kci_api.nodes.documents import NodeDocument
from kci_api.nodes.store import NodeStore
from kci_api.runtimes.documents import RuntimeDocument
from kci_api.runtimes.store import RuntimeStore
from kci_api.settings import Settings
from kci_api.subscriptions.documents import SubscriberDocument
from kci_api.subscriptions.durable import DurablePositions
from kci_api.subscriptions.listening import Subscriptions
from kci_api.subscriptions.store import SubscriptionStore
from kci_api.users.accounts import Accounts

Database = AsyncDatabase[dict[str, Any]]

DOCUMENTS = [
    AuditDocument,
    EventDocument,
    GroupDocument,
    LeaseDocument,
    NodeDocument,
    RuntimeDocument,
    SubscriberDocument,
    TokenDocument,
    UserDocument,
    ValueDocument,
]
"""The collections whose indexes are made at start."""

DAY_S = 24 * 3600
REDIS_CONNECTIONS = 64
"""For all requests at once; listens need none while they wait."""
REDIS_WAIT_S = 5
MONGO_WAIT_MS = 3000
"""How long a request waits for MongoDB before it fails with 503."""
MONGO_REPLY_MS = 30_000
"""How long a read or a write may take: more than any that succeeds."""


@dataclass(frozen=True)
class Stores:
    """All stores of an application; its routes find each one by its type."""

    settings: Settings
    database: Database
    redis: Redis
    authenticator: Authenticator
    history: EventStore
    broadcast: Broadcast
    unread: Unread
    nodes: NodeStore
    claims: ClaimStore
    published: PublishedStream
    subscriptions: Subscriptions
    lists: ListStore
    values: ValueStore
    accounts: Accounts
    groups: GroupStore
    audit: Audit
    limits: LoginLimits
    runtimes: RuntimeStore


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open MongoDB; acknowledged writes are journaled and survive a failover."""
    async with _mongo(settings, reply_ms=None) as patient:  # an index may take minutes
        await init_beanie(_database(patient), document_models=DOCUMENTS)
    async with _mongo(settings, reply_ms=MONGO_REPLY_MS) as client:
        database = _database(client)
        await init_beanie(database, document_models=DOCUMENTS, skip_indexes=True)
        yield database


def _mongo(
    settings: Settings, reply_ms: int | None
) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(
        settings.mongo_url,
        w="majority",
        journal=True,
        tz_aware=True,
        serverSelectionTimeoutMS=MONGO_WAIT_MS,
        connectTimeoutMS=MONGO_WAIT_MS,
        waitQueueTimeoutMS=MONGO_WAIT_MS,
        socketTimeoutMS=reply_ms,
    )


def _database(client: AsyncMongoClient[dict[str, Any]]) -> Database:
    return client.get_default_database("kernelci")


def open_redis(settings: Settings) -> Redis:
    """Open Redis; a request waits for a connection if all are in use."""
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=REDIS_CONNECTIONS,
        timeout=REDIS_WAIT_S,
        socket_timeout=None,  # blocking reads last longer than any timeout
        decode_responses=True,
    )
    return Redis.from_pool(pool)


@dataclass(frozen=True)
class Channels:
    """The history of node events, and what listeners of this process read."""

    history: EventStore
    nodes: Broadcast
    stream: PublishedStream
    published: Broadcast


async def _open_channels(redis: Redis) -> Channels:
    history = EventStore(EventDocument.get_pymongo_collection())
    stream = PublishedStream(redis)
    return Channels(
        history,
        await Broadcast.begin(history, NodeStream(redis)),
        stream,
        await Broadcast.begin(stream, stream),
    )


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Open the stores, and relay events as long as the block lasts."""
    async with open_database(settings) as database, open_redis(settings) as redis:
        channels, bell = await _open_channels(redis), Bell()
        relay = Relay(
            PendingEvents(NodeDocument.get_pymongo_collection()),
            channels.history,
            NodeStream(redis),
            Lease(LeaseDocument.get_pymongo_collection(), "relay"),
            settings.stream_events,
        )
        broadcasts = [channels.nodes, channels.published]
        async with relaying(relay, bell, broadcasts, settings.event_days):
            yield _stores(settings, database, redis, channels, bell)


def _stores(
    settings: Settings, database: Database, redis: Redis, channels: Channels, bell: Bell
) -> Stores:
    nodes, audit = NodeStore(notify=bell.ring), Audit()
    authenticator = open_authenticator(settings)
    signer = Signer(settings.secret_key.read())
    return Stores(
        settings=settings,
        database=database,
        redis=redis,
        authenticator=authenticator,
        history=channels.history,
        broadcast=channels.nodes,
        unread=Unread(),
        nodes=nodes,
        claims=ClaimStore(nodes, channels.nodes),
        published=channels.stream,
        subscriptions=Subscriptions(
            SubscriptionStore(redis, settings.event_days * DAY_S),
            DurablePositions(),
            channels.nodes,
            channels.published,
        ),
        lists=ListStore(redis),
        values=ValueStore(),
        accounts=Accounts(UserStore(), authenticator, signer, audit),
        groups=GroupStore(),
        audit=audit,
        limits=LoginLimits(settings.redis_url),
        runtimes=RuntimeStore(),
    )


def open_authenticator(settings: Settings) -> Authenticator:
    """Return what issues and verifies tokens; needs an open database."""
    return Authenticator(
        UserStore(),
        Signer(settings.secret_key.read()),
        timedelta(hours=settings.login_hours),
    )
