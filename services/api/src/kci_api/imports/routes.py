# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP route of imports."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Body, Depends

from kci_api.callers.auth import CurrentCaller
from kci_api.dependencies import store_of
from kci_api.imports.rules import Importer, check_may_import, required_ids
from kci_api.nodes.plans import Plan
from kci_api.nodes.store import NodeStore
from kci_api.pages import MAX_LIMIT
from kci_api.threads import computed
from kci_shared.logging import get_logger
from kci_shared.models import Imported, ImportedNode

log = get_logger(__name__)
router = APIRouter(tags=["import"])

Nodes = Annotated[NodeStore, Depends(store_of(NodeStore))]


@router.post("/import")
async def import_nodes(
    new: Annotated[list[ImportedNode], Body(max_length=MAX_LIMIT)],
    nodes: Nodes,
    caller: CurrentCaller,
) -> list[Imported]:
    """Import nodes of another system, parents first, without events.

    Ids, times and owners are kept, so an import can be repeated: an unchanged node
    stays, one that changed in the other system is updated, unless it was changed here,
    too. A node that cannot be imported is answered with a reason; the others are
    written, all or none.
    """
    check_may_import(caller)
    result = await _import(nodes, new, caller.name)
    fates = Counter(one.fate.value for one in result)
    log.info("nodes imported", by=caller.name, **fates)
    return result


async def _import(store: NodeStore, new: list[ImportedNode], by: str) -> list[Imported]:
    result: list[Imported] = []

    async def plan() -> Plan:
        keys = {one.node.idempotency_key for one in new if one.node.idempotency_key}
        by_key = await store.find_by("idempotency_key", sorted(keys))
        by_id = await store.find_by("_id", required_ids(new))
        importer = Importer(
            {node.id: node for node in by_id},
            {node.idempotency_key: node for node in by_key if node.idempotency_key},
        )
        result[:] = await computed(len(new), lambda: [importer.add(one) for one in new])
        return importer.plan()

    await store.apply(by, plan)
    return result
