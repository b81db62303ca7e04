# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node as MongoDB keeps it, and the indexes that answer the API's queries."""

from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import Field
from pymongo import IndexModel

from kci_api.nodes.stored import StoredNode

REVISION = "data.kernel_revision"


class NodeDocument(Document, StoredNode):
    """The collection of nodes.

    The store reads and writes it as plain documents: beanie's own writes go out as
    findAndModify, which the embedded server answers by a scan.
    """

    id: PydanticObjectId = Field(alias="_id")
    outbox: list[dict[str, Any]] = Field(default_factory=list)
    """Events that wait for the relay: `{"version", "event"}`."""
    trail: list[dict[str, Any]] = Field(default_factory=list)
    """Who changed it: `{"version", "by", "at", "fields"}`."""

    class Settings:
        """Where nodes lie, and how they are found."""

        name = "node"
        # Few, since each makes every write dearer. Queries on other fields walk the
        # ids, page by page, within the time limit. With the id where that is the
        # order of the answers.
        indexes: ClassVar[list[Any]] = [
            IndexModel([("treeid", 1), ("_id", 1)]),
            IndexModel([("parent", 1), ("_id", 1)]),
            IndexModel([("name", 1), ("_id", 1)]),
            IndexModel([("kind", 1), ("state", 1), ("_id", 1)]),
            IndexModel([("created", 1), ("_id", 1)]),
            IndexModel([(f"{REVISION}.commit", 1), ("_id", 1)]),
            # a branch: its revisions, the history of one test, its regressions
            IndexModel(
                [
                    *((f"{REVISION}.tree", 1), (f"{REVISION}.branch", 1)),
                    *(("kind", 1), ("name", 1), ("data.platform", 1)),
                    *(("result", 1), ("created", 1), ("_id", 1)),
                ]
            ),
            # the regressions of a checkout, and those of one cause
            IndexModel("data.failed_in", sparse=True),
            IndexModel("data.fixed_in", sparse=True),
            IndexModel("data.issue", sparse=True),
            # what is overdue
            IndexModel([("state", 1), ("timeout", 1)]),
            # what waits for a runtime, in the order in which it is handed out
            IndexModel(
                [
                    *(("data.runtime", 1), ("state", 1)),
                    *(("data.priority", -1), ("created", 1)),
                ]
            ),
            # what is below a node
            IndexModel("ancestors"),
            IndexModel("idempotency_key", unique=True, sparse=True),
            # the relay's: nodes whose events it has yet to move
            IndexModel("outbox.version", sparse=True),
        ]
