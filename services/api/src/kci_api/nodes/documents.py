# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collection of nodes in MongoDB, with the indexes that serve queries."""

from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import Field
from pymongo import IndexModel

from kci_api.nodes.stored import StoredNode

REVISION = "data.kernel_revision"


class NodeDocument(Document, StoredNode):
    """The collection of nodes.

    The store reads and writes plain documents: beanie writes by findAndModify, for
    which the embedded server scans the collection.
    """

    id: PydanticObjectId = Field(alias="_id")
    outbox: list[dict[str, Any]] = Field(default_factory=list)
    """Events that the relay has not moved yet: `{"version", "event"}`."""
    trail: list[dict[str, Any]] = Field(default_factory=list)
    """The latest changes: `{"version", "by", "at", "fields"}`."""

    class Settings:
        """The name of the collection, and its indexes."""

        name = "node"
        # Few, since each one makes every write slower. Queries on other fields scan in
        # the order of the ids, up to the time limit. Indexes end with the id, which is
        # the order of answers.
        indexes: ClassVar[list[Any]] = [
            IndexModel([("treeid", 1), ("_id", 1)]),
            IndexModel([("parent", 1), ("_id", 1)]),
            IndexModel([("name", 1), ("_id", 1)]),
            IndexModel([("kind", 1), ("state", 1), ("_id", 1)]),
            IndexModel([("created", 1), ("_id", 1)]),
            IndexModel([(f"{REVISION}.commit", 1), ("_id", 1)]),
            # a branch: revisions, history of one test, regressions
            IndexModel(
                [
                    (f"{REVISION}.tree", 1),
                    (f"{REVISION}.branch", 1),
                    ("kind", 1),
                    ("name", 1),
                    ("data.platform", 1),
                    ("result", 1),
                    ("created", 1),
                    ("_id", 1),
                ]
            ),
            # regressions: of a checkout, and of one cause
            IndexModel("data.failed_in", sparse=True),
            IndexModel("data.fixed_in", sparse=True),
            IndexModel("data.issue", sparse=True),
            # overdue nodes
            IndexModel([("state", 1), ("timeout", 1)]),
            # nodes that wait for a runtime, in the order in which they are claimed
            IndexModel(
                [
                    ("data.runtime", 1),
                    ("state", 1),
                    ("data.priority", -1),
                    ("created", 1),
                ]
            ),
            # the subtree of a node
            IndexModel("ancestors"),
            IndexModel("idempotency_key", unique=True, sparse=True),
            # nodes with events for the relay
            IndexModel("outbox.version", sparse=True),
        ]
