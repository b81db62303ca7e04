# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups in MongoDB."""

from collections.abc import Collection

from beanie import PydanticObjectId
from pymongo.errors import DuplicateKeyError

from kci_api.callers.documents import Group, UserDocument
from kci_api.groups.documents import GroupDocument
from kci_shared.errors import BadRequest, Conflict, NotFound


class GroupStore:
    """The collection of groups."""

    async def page(self, limit: int, offset: int) -> tuple[list[GroupDocument], int]:
        """Return a page of the groups by name, and the number of all."""
        groups = GroupDocument.find_all().sort("+name")
        total = await GroupDocument.get_pymongo_collection().count_documents({})
        return await groups.skip(offset).limit(limit).to_list(), total

    async def get(self, group_id: PydanticObjectId) -> GroupDocument:
        """Return a group; `NotFound` if there is no such group."""
        group = await GroupDocument.get(group_id)
        if group is None:
            raise NotFound(f"Group not found with id: {group_id}")
        return group

    async def add(self, name: str) -> GroupDocument:
        """Add a group; `BadRequest` if the name is taken."""
        try:
            return await GroupDocument(name=name).insert()
        except DuplicateKeyError as error:
            raise BadRequest(f"User group already exists: {name}") from error

    async def remove(self, group: GroupDocument) -> None:
        """Remove a group; `Conflict` if it has members."""
        member = await UserDocument.find_one({"groups.name": group.name})
        if member is not None:
            raise Conflict(
                f"group {group.name} has members, such as {member.username}:"
                " remove them first"
            )
        await group.delete()

    async def named(self, names: Collection[str]) -> list[Group]:
        """Return the groups of these names; `BadRequest` if one does not exist."""
        if not names:
            return []
        groups = await GroupDocument.find({"name": {"$in": list(names)}}).to_list()
        by_name = {group.name: group for group in groups}
        for name in names:
            if name not in by_name:
                raise BadRequest(f"User group does not exist with name: {name}")
        return [Group(id=str(by_name[n].id), name=n) for n in dict.fromkeys(names)]
