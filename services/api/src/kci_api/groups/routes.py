# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of groups, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from kci_api.audit.store import Audit
from kci_api.callers.auth import AdminCaller
from kci_api.dependencies import store_of
from kci_api.groups.documents import GroupDocument
from kci_api.groups.store import GroupStore
from kci_api.pages import Limit, Offset, Page
from kci_api.requests import PathId, parse_id

router = APIRouter(prefix="/user-groups", tags=["users"])

GROUP = r"^[A-Za-z0-9_.:@+-]{1,200}$"


class NewGroup(BaseModel):
    """A group to add."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=GROUP, examples=["runtime:lab-x:node-editor"])]


class GroupRead(BaseModel):
    """A group."""

    name: str
    id: str


Groups = Annotated[GroupStore, Depends(store_of(GroupStore))]
AuditTrail = Annotated[Audit, Depends(store_of(Audit))]


@router.get("")
async def list_groups(
    _: AdminCaller, groups: Groups, limit: Limit = 50, offset: Offset = 0
) -> Page[GroupRead]:
    """List the groups by name."""
    page, total = await groups.page(limit, offset)
    items = [_read(group) for group in page]
    return Page(items=items, total=total, limit=limit, offset=offset)


@router.post("")
async def add_group(
    new: NewGroup, caller: AdminCaller, groups: Groups, audit: AuditTrail
) -> GroupRead:
    """Add a group.

    Members of `node:edit:any` may edit all nodes, members of
    `runtime:<name>:node-editor` those of a runtime.
    """
    await audit.record(caller.name, "group added", new.name)
    return _read(await groups.add(new.name))


@router.get("/{group_id}")
async def get_group(_: AdminCaller, group_id: PathId, groups: Groups) -> GroupRead:
    """Return a group."""
    return _read(await groups.get(parse_id(group_id)))


@router.delete("/{group_id}", status_code=204)
async def remove_group(
    group_id: PathId, caller: AdminCaller, groups: Groups, audit: AuditTrail
) -> None:
    """Remove a group; 409 if it has members."""
    group = await groups.get(parse_id(group_id))
    await audit.record(caller.name, "group removed", group.name)
    await groups.remove(group)


def _read(group: GroupDocument) -> GroupRead:
    return GroupRead(name=group.name, id=str(group.id))
