# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node as the API keeps it."""

from typing import Any, get_args, get_origin

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.nodes import BaseNode


class StoredNode(BaseNode):
    """A node with all that the API keeps of it.

    Fields of its own are internal: no client sees or sets them.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: PydanticObjectId = Field(alias="_id")  # type: ignore[assignment]
    path: list[str]
    parent: PydanticObjectId | None = None  # type: ignore[assignment]
    data: dict[str, Any] = Field(default_factory=dict)  # type: ignore[assignment]
    treeid: str

    ancestors: list[PydanticObjectId] = Field(default_factory=list)
    """From the root to the parent, so that one query finds a whole subtree."""
    runtime: str | None = None
    """The runtime of the node, or else of its nearest ancestor that has one."""
    fence: int = 0
    """The token of the latest claim; grows with each."""
    attempts: int = 0
    """How many claims were not given back."""
    digest: str | None = None
    """Of the request that created the node with an idempotency key, or imported it."""
    imported: int | None = None
    """The version that an import wrote; a later version was made here."""

    def to_mongo(self) -> dict[str, Any]:
        """Return the document; a null key is left out of it, and so of its index."""
        document = {"_id": self.id, **vars(self)}
        del document["id"]
        for name in MODELS:
            if document[name] is not None:
                document[name] = document[name].model_dump()
        for name in SPARSE:
            if document[name] is None:
                del document[name]
        return document


def _is_model(annotation: Any) -> bool:
    types = (annotation, *get_args(annotation))
    return any(isinstance(one, type) and issubclass(one, BaseModel) for one in types)


SPARSE = ("idempotency_key", "imported")
MODELS = tuple(
    name
    for name, field in StoredNode.model_fields.items()
    if _is_model(field.annotation)
)
"""Fields that are models, which MongoDB keeps as documents."""
INTERNAL = StoredNode.model_fields.keys() - BaseNode.model_fields.keys()
MAPS = frozenset(
    name
    for name, field in StoredNode.model_fields.items()
    if get_origin(field.annotation) is dict
)
"""Fields that a change merges key by key."""
