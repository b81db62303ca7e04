# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node as the API keeps it."""

from datetime import datetime
from typing import Any

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models import Claim, Kind, Result, State


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
