# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collection of groups in MongoDB; members are stored with the users."""

from typing import Any, ClassVar

from beanie import Document
from pymongo import IndexModel


class GroupDocument(Document):
    """A group that users may be in."""

    name: str

    class Settings:
        """The name of the collection, and its indexes."""

        name = "usergroup"
        indexes: ClassVar[list[Any]] = [IndexModel("name", unique=True)]
