# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP route of the audit trail."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from kci_api.audit.store import Audit, AuditQuery
from kci_api.callers.auth import AdminCaller
from kci_api.dependencies import store_of
from kci_api.times import stamp
from kci_shared.models.sizes import Text

router = APIRouter(prefix="/audit", tags=["audit"])


class AuditRead(BaseModel):
    """One change."""

    at: str
    by: str
    action: str
    on: str
    fields: dict[str, Any]


AuditTrail = Annotated[Audit, Depends(store_of(Audit))]


@router.get("")
async def list_audit(
    _: AdminCaller,
    audit: AuditTrail,
    by: Annotated[Text | None, Query(max_length=200)] = None,
    on: Annotated[Text | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> list[AuditRead]:
    """List changes of users, groups, tokens and invitations, newest first.

    For nodes see the trail of each node.
    """
    entries = await audit.find(AuditQuery(by, on, limit, offset))
    return [AuditRead(**{**entry, "at": stamp(entry["at"])}) for entry in entries]
