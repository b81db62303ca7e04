# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes in MongoDB: read them, and write what was judged on exactly what was read."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
)
from pymongo.read_concern import ReadConcern

from kci_api.nodes.documents import NodeDocument
from kci_api.nodes.news import change_event, outbox_entry
from kci_api.nodes.plans import Change, Fence, Plan
from kci_api.nodes.queries import NodeQuery
from kci_api.nodes.rules import Outdated, WrongTurn
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trail import Step, steps, tracked
from kci_api.nodes.wire import node_answer
from kci_api.requests import parse_id
from kci_shared.errors import (
    BadRequest,
    Conflict,
    NotFound,
    TooLarge,
    TooSlow,
    Unavailable,
)

ATTEMPTS = 60
"""How often a change is judged again because another writer was faster."""
QUERY_MS = 15_000
FASTER = {11000, 112}
"""MongoDB's codes for a key that exists by now, and for a write conflict."""
UNSEEN = {"outbox": False, "trail": False}
"""Read with no node: they may be long, and hardly anybody wants them."""


class NodeStore:
    """The collection of nodes; `outbox_wake` is called when events wait in it."""

    def __init__(self, outbox_wake: Callable[[], None]) -> None:
        self._wake = outbox_wake

    @property
    def _nodes(self) -> AsyncCollection[dict[str, Any]]:
        return NodeDocument.get_pymongo_collection()

    async def get(self, node_id: str) -> dict[str, Any] | None:
        """Return the document of a node."""
        return await self._nodes.find_one({"_id": parse_id(node_id)}, UNSEEN)

    async def get_trail(self, node_id: str) -> list[Step]:
        """Return who changed a node."""
        known = {"owner": True, "created": True, "trail": True}
        found = await self._nodes.find_one({"_id": parse_id(node_id)}, known)
        if found is None:
            raise NotFound(f"Node not found with id: {node_id}")
        return steps(found)

    async def read(self, node_id: str) -> StoredNode:
        """Return a node that is to be changed; `NotFound` if there is none."""
        document = await self.get(node_id)
        if document is None:
            raise NotFound(f"Node not found with id: {node_id}")
        return StoredNode.model_validate(document)

    async def among(self, field: str, values: Sequence[Any]) -> list[StoredNode]:
        """Return the nodes that have one of the values in an indexed field."""
        if not values:
            return []
        found = self._nodes.find({field: {"$in": list(values)}}, UNSEEN).sort("_id")
        return [StoredNode.model_validate(document) async for document in found]

    async def first(
        self, wanted: dict[str, Any], order: list[tuple[str, int]], most: int
    ) -> list[StoredNode]:
        """Return up to `most` nodes that match a filter, in an order."""
        found = self._nodes.find(wanted, UNSEEN, sort=order, limit=most)
        return [StoredNode.model_validate(document) async for document in found]

    async def prolong(
        self, node_id: str, held: dict[str, Any], expires: datetime
    ) -> bool:
        """Set when a claim ends, if it still holds: no new version, and no event."""
        result = await self._nodes.update_one(
            {"_id": parse_id(node_id), **held}, {"$set": {"claim.expires": expires}}
        )
        return result.matched_count == 1

    async def find(self, query: NodeQuery) -> list[dict[str, Any]]:
        """Return the documents of one page."""
        found = self._nodes.find(
            query.filter,
            UNSEEN,
            sort=query.sort,
            skip=query.offset,
            limit=query.limit,
            max_time_ms=QUERY_MS,
        )
        with in_time():
            return await found.to_list()

    async def count(self, query: NodeQuery) -> int:
        """Return how many nodes match, whatever the page."""
        with in_time():
            if not query.filter:
                return await self._nodes.estimated_document_count(maxTimeMS=QUERY_MS)
            return await self._nodes.count_documents(query.filter, maxTimeMS=QUERY_MS)

    async def carry_out(
        self, by: str, plan: Callable[[], Awaitable[Plan]]
    ) -> list[StoredNode]:
        """Read, judge and write; once more from the start if another was faster.

        What was a wrong turn at first sight is the caller's fault; what became one
        in the meantime is a conflict.
        """
        for attempt in range(ATTEMPTS):
            try:
                planned = await plan()
            except Outdated as error:
                raise Conflict(node_answer(error.node.to_mongo())) from error
            except WrongTurn as error:
                if attempt == 0:
                    raise BadRequest(str(error)) from error
                raise Conflict(node_answer(error.node.to_mongo())) from error
            if await self.write(by, planned):
                return list(planned.answer)
            await asyncio.sleep(min(0.1, 0.002 * attempt))
        raise Unavailable("too many others change the same nodes; try again")

    async def write(self, by: str, plan: Plan) -> bool:
        """Write a plan if all is still as it was read; say whether it was."""
        size = len(plan.born) + len(plan.changed) + len(plan.brought)
        if size == 0:
            return True
        size += len(plan.fences)
        try:
            done = await (
                self._write_one(by, plan) if size == 1 else self._write_all(by, plan)
            )
        except DocumentTooLarge as error:
            raise TooLarge("the node is too large; store parts as artifacts") from error
        except ConnectionFailure:
            done = await self._are_born(plan)
        except OperationFailure as error:
            if not _is_overtaken(error):
                raise
            done = await self._are_born(plan)
        if done:
            self._wake()
        return done

    async def _are_born(self, plan: Plan) -> bool:
        """Say whether new nodes are there although their write was not confirmed.

        The answer may be lost, or the driver sent it again to a server that had been
        killed in between. Their ids are nobody else's, so to look is to know. What
        else is unsure is judged again: it changes nothing a second time.
        """
        if not plan.born:
            return False
        sure = self._nodes.with_options(read_concern=ReadConcern("majority"))
        return await sure.find_one({"_id": plan.born[0].id}, {"_id": 1}) is not None

    async def _write_one(self, by: str, plan: Plan) -> bool:
        if documents := _documents(plan):
            await self._nodes.insert_one(documents[0])
            return True
        (change,) = plan.changed
        result = await self._nodes.update_one(as_read(change), tracked(change, by))
        return result.matched_count == 1

    async def _write_all(self, by: str, plan: Plan) -> bool:
        documents = _documents(plan)
        updates = [UpdateOne(as_read(one), tracked(one, by)) for one in plan.changed]
        updates += [still_latest(fence) for fence in plan.fences]
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
        except Overtaken:
            return False
        return True

    async def _update(
        self, updates: list[UpdateOne], session: AsyncClientSession
    ) -> None:
        result = await self._nodes.bulk_write(updates, session=session)
        if result.matched_count != len(updates):
            raise Overtaken


def _documents(plan: Plan) -> list[dict[str, Any]]:
    """Return what a plan adds to the collection."""
    return [
        *(newborn(node) for node in plan.born),
        *(node.to_mongo() for node in plan.brought),
    ]


def _is_overtaken(error: OperationFailure) -> bool:
    """Say whether another writer was faster: the same can be tried from the start."""
    if isinstance(error, BulkWriteError):
        return all(one["code"] in FASTER for one in error.details["writeErrors"])
    return error.code in FASTER or error.has_error_label("TransientTransactionError")


class Overtaken(Exception):
    """Another writer was faster; the transaction is rolled back."""


def newborn(node: StoredNode) -> dict[str, Any]:
    """Return the document of a new node, with the event of its birth."""
    entry = outbox_entry(change_event(node, None), node.version)
    return {**node.to_mongo(), "outbox": [entry]}


def as_read(change: Change) -> dict[str, Any]:
    """Return the filter that matches a node only as it was when it was judged."""
    return {"_id": change.before.id, "version": change.before.version, **change.guard}


def still_latest(fence: Fence) -> UpdateOne:
    """Return the update that fails to match if a claim is lost in the meantime."""
    # it must change something, else a claim at the same time would not collide
    return UpdateOne(
        {"_id": fence.node_id, "fence": fence.fence}, {"$set": {"touched": ObjectId()}}
    )


@contextmanager
def in_time() -> Iterator[None]:
    """Say it in the API's words when the database gave a query up."""
    try:
        yield
    except ExecutionTimeout as error:
        seconds = QUERY_MS // 1000
        raise TooSlow(
            f"Timeout while fetching nodes: more than {seconds} s; ask for less"
        ) from error
