# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collection of runtimes in MongoDB."""

from datetime import datetime
from typing import Any

from beanie import Document


class RuntimeDocument(Document):
    """A lab or a cluster, as its bridge reported it last."""

    id: str  # type: ignore[assignment]
    kind: str
    platforms: dict[str, int]
    healthy: bool
    message: str
    facts: dict[str, Any]
    seen: datetime
    by: str

    class Settings:
        """The name of the collection."""

        name = "runtime"
