# SPDX-License-Identifier: LGPL-2.1-or-later
"""Values in MongoDB."""

from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from kci_api.kv.documents import ValueDocument
from kci_api.times import now


class ValueStore:
    """Values by namespace and key."""

    @property
    def _values(self) -> AsyncCollection[dict[str, Any]]:
        return ValueDocument.get_pymongo_collection()

    async def get(self, namespace: str, key: str) -> str | None:
        """Return a value; None if the key has none."""
        document = await self._values.find_one({"_id": f"{namespace}/{key}"})
        return None if document is None else str(document["value"])

    async def set(self, namespace: str, key: str, value: str, by: str) -> None:
        """Set a value, and record who did."""
        await self._values.replace_one(
            {"_id": f"{namespace}/{key}"},
            {"value": value, "by": by, "at": now()},
            upsert=True,
        )

    async def delete(self, namespace: str, key: str) -> None:
        """Delete a value, if the key has one."""
        await self._values.delete_one({"_id": f"{namespace}/{key}"})
