# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collection of values in MongoDB, which keeps them when Redis loses its data."""

from datetime import datetime

from beanie import Document


class ValueDocument(Document):
    """One value, and who set it last."""

    id: str  # type: ignore[assignment]
    """Namespace and key, with a slash between them."""
    value: str
    by: str
    at: datetime

    class Settings:
        """The name of the collection."""

        name = "value"
