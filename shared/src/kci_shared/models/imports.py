# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes that another system made, as an import brings them here."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.nodes import NewNode


class ImportedNode(BaseModel):
    """A node that ended elsewhere, with what the server sets on nodes of its own."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern="^[0-9a-f]{24}$")]
    owner: Annotated[str, Field(min_length=1, max_length=256)]
    created: datetime
    updated: datetime
    path: list[str] | None = None
    """As it was elsewhere; here it follows from the parent, and the answer tells."""
    node: NewNode
    """All else; its `treeid` counts for a root only, and its `id` never."""


class Fate(StrEnum):
    """What became of a node that was to be imported."""

    CREATED = "created"
    CHANGED = "changed"
    """It was imported before, with other content."""
    UNCHANGED = "unchanged"
    ORPHAN = "orphan"
    """The node that it hangs below, or tells of, is not here."""
    REFUSED = "refused"
    """It cannot be here as it is."""


class Imported(BaseModel):
    """The answer for one node."""

    id: str
    fate: Fate
    reason: str | None = None
    """Why not; or of a node that is here, what is not as it was elsewhere."""
    needs: str | None = None
    """The node that an orphan lacks."""
