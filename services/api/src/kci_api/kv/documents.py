# SPDX-License-Identifier: LGPL-2.1-or-later
"""Values as MongoDB keeps them: Redis may lose all, and these must last."""

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
        """Where values lie."""

        name = "value"
