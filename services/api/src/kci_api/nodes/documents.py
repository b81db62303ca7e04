# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node as MongoDB keeps it, and the indexes that answer the API's queries."""

from datetime import datetime
from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field
from pymongo import IndexModel

from kci_shared.models import Claim, Kind, Result, State

REVISION = "data.kernel_revision"


class StoredNode(BaseModel):
    """A node with all that the API knows of it; the last fields nobody else sees."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    id: PydanticObjectId = Field(alias="_id")
    kind: Kind
    name: str
    path: list[str]
    group: str | None = None
    parent: PydanticObjectId | None = None
    state: State = State.RUNNING
    result: Result | None = None
    artifacts: dict[str, str] = {}
    data: dict[str, Any] = {}
    debug: dict[str, Any] = {}
    jobfilter: list[str] | None = None
    platform_filter: list[str] = []
    created: datetime
    updated: datetime
    timeout: datetime | None = None
    holdoff: datetime | None = None
    owner: str
    submitter: str | None = None
    treeid: str
    user_groups: list[str] = []
    retry_counter: int = 0
    version: int = 1
    idempotency_key: str | None = None
    claim: Claim | None = None

    ancestors: list[PydanticObjectId] = []
    """From the root to the parent, so that one look-up finds all that is below."""
    runtime: str | None = None
    """Of the node, or else of the nearest node above that has one."""
    fence: int = 0
    """Grows with each claim: the token of the latest one."""
    attempts: int = 0
    """How many claims were not given back."""
    digest: str | None = None
    """Of what the client sent with the idempotency key, or an import brought."""
    imported: int | None = None
    """The version that an import wrote; a later one was made here."""

    def to_mongo(self) -> dict[str, Any]:
        """Return the document; a key that is not there stays out of its index."""
        document = {"_id": self.id, **vars(self)}
        del document["id"]
        if self.claim is not None:
            document["claim"] = self.claim.model_dump()
        for name in ("idempotency_key", "imported"):
            if document[name] is None:
                del document[name]
        return document


class NodeDocument(Document, StoredNode):
    """The collection of nodes.

    The store reads and writes it as plain documents: beanie's own writes go out as
    findAndModify, which the embedded server answers by a scan.
    """

    id: PydanticObjectId = Field(alias="_id")
    outbox: list[dict[str, Any]] = []
    """Events that wait for the relay: `{"version", "event"}`."""
    trail: list[dict[str, Any]] = []
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
