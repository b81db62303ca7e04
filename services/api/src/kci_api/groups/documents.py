# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups as MongoDB keeps them; who is in one stands with the user."""

from typing import Any, ClassVar

from beanie import Document
from pymongo import IndexModel


class GroupDocument(Document):
    """A group that users may be in."""

    name: str

    class Settings:
        """Where groups lie, and how they are found."""

        name = "usergroup"
        indexes: ClassVar[list[Any]] = [IndexModel("name", unique=True)]
