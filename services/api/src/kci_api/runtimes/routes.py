# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of runtimes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kci_api.audit.store import Audit
from kci_api.callers.auth import AdminCaller, CurrentCaller
from kci_api.dependencies import store_of
from kci_api.nodes.permissions import may_run, require
from kci_api.runtimes.rules import RuntimeName, RuntimeRead
from kci_api.runtimes.store import RuntimeStore
from kci_shared.errors import NotFound
from kci_shared.models import RuntimeReport

router = APIRouter(prefix="/runtimes", tags=["runtimes"])


Runtimes = Annotated[RuntimeStore, Depends(store_of(RuntimeStore))]
AuditTrail = Annotated[Audit, Depends(store_of(Audit))]


@router.get("")
async def list_runtimes(
    runtimes: Runtimes, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> list[RuntimeRead]:
    """List runtimes: whether they are online, and their jobs of the last hours."""
    return await runtimes.all(hours)


@router.put("/{name}")
async def report_runtime(
    name: RuntimeName, report: RuntimeReport, caller: CurrentCaller, runtimes: Runtimes
) -> None:
    """Register a runtime's platforms and health: at its start, then once a minute."""
    require(may_run(caller, name))
    await runtimes.report(name, report, caller.name)


@router.delete("/{name}")
async def remove_runtime(
    name: RuntimeName, caller: AdminCaller, runtimes: Runtimes, audit: AuditTrail
) -> None:
    """Remove a runtime that no longer exists."""
    await audit.record(caller.name, "runtime removed", name)
    if not await runtimes.remove(name):
        raise NotFound(f"no runtime {name}")
