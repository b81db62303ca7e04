# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes in MongoDB: reads, and writes that fail if what was read has changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
)
from pymongo.read_concern import ReadConcern

from kci_api.nodes.counts import GroupCount, GroupField, group_counts, pipeline
from kci_api.nodes.documents import NodeDocument
from kci_api.nodes.events import change_event, outbox_entry
from kci_api.nodes.plans import Change, Fence, Plan
from kci_api.nodes.queries import NodeQuery
from kci_api.nodes.rules import InvalidTransition, VersionMismatch
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trail import TrailEntry, trail_entries, with_trail
from kci_api.nodes.wire import node_fields
from kci_api.requests import parse_id
from kci_shared.errors import (
    BadRequest,
    Conflict,
    NotFound,
    TooLarge,
    TooSlow,
    Unavailable,
)

MAX_ATTEMPTS = 60
"""How often a request is planned again because another writer was faster."""
QUERY_MS = 15_000
BATCH = 500
"""How many nodes of a long list are in memory at once."""
CONFLICT_CODES = {11000, 112}
"""MongoDB's codes for a duplicate key and for a write conflict."""
HIDDEN = {"outbox": False, "trail": False}
"""Left out of reads: they may be long, and few requests need them."""


class NodeStore:
    """The collection of nodes; `notify` is called when an outbox got an event."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify

    @property
    def _nodes(self) -> AsyncCollection[dict[str, Any]]:
        return NodeDocument.get_pymongo_collection()

    async def get(self, node_id: str) -> dict[str, Any] | None:
        """Return the document of a node; None if there is no such node."""
        return await self._nodes.find_one({"_id": parse_id(node_id)}, HIDDEN)

    async def get_trail(self, node_id: str) -> list[TrailEntry]:
        """Return who changed a node; `NotFound` if there is no such node."""
        fields = {"owner": True, "created": True, "trail": True}
        document = await self._nodes.find_one({"_id": parse_id(node_id)}, fields)
        if document is None:
            raise NotFound(f"Node not found with id: {node_id}")
        return trail_entries(document)

    async def read(self, node_id: str) -> StoredNode:
        """Return a node to plan a change of it; `NotFound` if it is missing."""
        document = await self.get(node_id)
        if document is None:
            raise NotFound(f"Node not found with id: {node_id}")
        return StoredNode.model_validate(document)

    async def find_by(self, field: str, values: Sequence[Any]) -> list[StoredNode]:
        """Return the nodes that have one of the values in an indexed field."""
        if not values:
            return []
        nodes = self._nodes.find({field: {"$in": list(values)}}, HIDDEN).sort("_id")
        return [StoredNode.model_validate(document) async for document in nodes]

    async def find_first(
        self, query: dict[str, Any], order: list[tuple[str, int]], limit: int
    ) -> list[StoredNode]:
        """Return up to `limit` nodes that match, in an order."""
        nodes = self._nodes.find(query, HIDDEN, sort=order, limit=limit)
        return [StoredNode.model_validate(document) async for document in nodes]

    async def renew_lease(
        self, node_id: str, claim: dict[str, Any], expires: datetime
    ) -> bool:
        """Set when a claim expires; return whether it still exists.

        It makes no new version and no event.
        """
        result = await self._nodes.update_one(
            {"_id": parse_id(node_id), **claim}, {"$set": {"claim.expires": expires}}
        )
        return result.matched_count == 1

    def _cursor(self, query: NodeQuery) -> AsyncCursor[dict[str, Any]]:
        return self._nodes.find(
            query.filter,
            HIDDEN,
            sort=query.sort,
            skip=query.offset,
            limit=query.limit,
            max_time_ms=QUERY_MS,
        )

    async def find(self, query: NodeQuery) -> list[dict[str, Any]]:
        """Return the documents of one page; `TooSlow` after `QUERY_MS`."""
        with query_timeout():
            return await self._cursor(query).to_list()

    async def batches(self, query: NodeQuery) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the documents by batches; `TooSlow` after `QUERY_MS` of the query."""
        async with self._cursor(query) as nodes:
            while batch := await _next_batch(nodes):
                yield batch

    async def count(self, query: NodeQuery) -> int:
        """Return how many nodes match on all pages; `TooSlow` after `QUERY_MS`."""
        with query_timeout():
            if not query.filter:
                return await self._nodes.estimated_document_count(maxTimeMS=QUERY_MS)
            return await self._nodes.count_documents(query.filter, maxTimeMS=QUERY_MS)

    async def count_by(
        self, query: dict[str, Any], fields: Sequence[GroupField]
    ) -> list[GroupCount]:
        """Return how many nodes match for each combination of values."""
        with query_timeout():
            counts = await self._nodes.aggregate(
                pipeline(query, fields), maxTimeMS=QUERY_MS
            )
            return group_counts(await counts.to_list(), fields)

    async def apply(
        self, by: str, plan: Callable[[], Awaitable[Plan]]
    ) -> list[StoredNode]:
        """Plan and write; plan again, from new reads, if another writer was faster.

        A transition that is invalid at once is the caller's error; one that became
        invalid between two attempts is a conflict.
        """
        for attempt in range(MAX_ATTEMPTS):
            try:
                planned = await plan()
            except VersionMismatch as error:
                raise Conflict(node_fields(error.node.to_mongo())) from error
            except InvalidTransition as error:
                if attempt == 0:
                    raise BadRequest(str(error)) from error
                raise Conflict(node_fields(error.node.to_mongo())) from error
            if await self.write(by, planned):
                return list(planned.response)
            await asyncio.sleep(min(0.1, 0.002 * attempt))
        raise Unavailable("too many concurrent changes to these nodes; try again")

    async def write(self, by: str, plan: Plan) -> bool:
        """Write a plan unless a node was changed since it was read.

        Return whether it is written.
        """
        size = len(plan.inserts) + len(plan.updates) + len(plan.imports)
        if size == 0:
            return True
        size += len(plan.fences)
        try:
            written = await (
                self._write_one(by, plan) if size == 1 else self._write_all(by, plan)
            )
        except DocumentTooLarge as error:
            raise TooLarge("the node is too large; store parts as artifacts") from error
        except ConnectionFailure:
            written = await self._were_inserted(plan)
        except OperationFailure as error:
            if not _is_write_conflict(error):
                raise
            written = await self._were_inserted(plan)
        if written:
            self._notify()
        return written

    async def _were_inserted(self, plan: Plan) -> bool:
        """Return whether the inserts of an unconfirmed write were made.

        Its confirmation may be lost, or the driver repeated the write after a failover.
        No other request uses the same ids. A plan without inserts can be made again: if
        its updates were written, it has none left.
        """
        if not plan.inserts:
            return False
        nodes = self._nodes.with_options(read_concern=ReadConcern("majority"))
        first = {"_id": plan.inserts[0].id}
        return await nodes.find_one(first, {"_id": 1}) is not None

    async def _write_one(self, by: str, plan: Plan) -> bool:
        if documents := _documents(plan):
            await self._nodes.insert_one(documents[0])
            return True
        (change,) = plan.updates
        result = await self._nodes.update_one(
            filter_unchanged(change), with_trail(change, by)
        )
        return result.matched_count == 1

    async def _write_all(self, by: str, plan: Plan) -> bool:
        documents = _documents(plan)
        updates = [
            UpdateOne(filter_unchanged(change), with_trail(change, by))
            for change in plan.updates
        ]
        updates += [fence_update(fence) for fence in plan.fences]
        client = self._nodes.database.client
        try:
            async with (
                client.start_session() as session,
                await session.start_transaction(),
            ):
                if documents:
                    await self._nodes.insert_many(documents, session=session)
                if updates:
                    await self._update(updates, session)
        except WriteConflict:
            return False
        return True

    async def _update(
        self, updates: list[UpdateOne], session: AsyncClientSession
    ) -> None:
        result = await self._nodes.bulk_write(updates, session=session)
        if result.matched_count != len(updates):
            raise WriteConflict


async def _next_batch(nodes: AsyncCursor[dict[str, Any]]) -> list[dict[str, Any]]:
    with query_timeout():
        return await nodes.to_list(BATCH)


class WriteConflict(Exception):
    """Another writer was faster; the transaction is rolled back."""


def _documents(plan: Plan) -> list[dict[str, Any]]:
    return [
        *(new_document(node) for node in plan.inserts),
        *(node.to_mongo() for node in plan.imports),
    ]


def _is_write_conflict(error: OperationFailure) -> bool:
    if isinstance(error, BulkWriteError):
        codes = {one["code"] for one in error.details["writeErrors"]}
        return codes <= CONFLICT_CODES
    is_conflict = error.code in CONFLICT_CODES
    return is_conflict or error.has_error_label("TransientTransactionError")


def new_document(node: StoredNode) -> dict[str, Any]:
    """Return the document of a new node, with the event of its creation."""
    entry = outbox_entry(change_event(node, None), node.version)
    return {**node.to_mongo(), "outbox": [entry]}


def filter_unchanged(change: Change) -> dict[str, Any]:
    """Return the filter that matches a node only as it was when it was read."""
    return {"_id": change.before.id, "version": change.before.version, **change.guard}


def fence_update(fence: Fence) -> UpdateOne:
    """Return an update that matches a node only if a claim is still its latest."""
    # it must change something, else it would not collide with a claim at the same time
    return UpdateOne(
        {"_id": fence.node_id, "fence": fence.token}, {"$set": {"touched": ObjectId()}}
    )


@contextmanager
def query_timeout() -> Iterator[None]:
    """Raise `TooSlow` when the database gives a query up."""
    try:
        yield
    except ExecutionTimeout as error:
        seconds = QUERY_MS // 1000
        raise TooSlow(
            f"Timeout while fetching nodes: more than {seconds} s; ask for less"
        ) from error
