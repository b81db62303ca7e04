# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes of another system, as an import sends them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.nodes import Name, NewNode, Short


class ImportedNode(BaseModel):
    """A node that ended elsewhere, with the fields that the server sets otherwise."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern="^[0-9a-f]{24}$")]
    owner: Name
    created: datetime
    updated: datetime
    path: list[Short] | None = None
    """Its path there; here it follows from the parent, and the answer has it."""
    node: NewNode
    """All other fields; `treeid` counts for roots only, `id` is ignored."""


class Fate(StrEnum):
    """The outcome of importing a node."""

    CREATED = "created"
    CHANGED = "changed"
    """It was imported earlier, with other content."""
    UNCHANGED = "unchanged"
    ORPHAN = "orphan"
    """Its parent, or the node that it refers to, does not exist here."""
    REFUSED = "refused"
    """It is not valid here."""


class Imported(BaseModel):
    """The answer for one node."""

    id: str
    fate: Fate
    reason: str | None = None
    """Why it was not imported, or what differs from the original."""
    needs: str | None = None
    """The missing node of an orphan."""
