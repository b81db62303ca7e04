# SPDX-License-Identifier: LGPL-2.1-or-later
"""Importing over HTTP."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Body, Depends

from kci_api.callers.auth import CurrentCaller
from kci_api.dependencies import store_of
from kci_api.imports.rules import Importer, check_may_import, needed
from kci_api.nodes.plans import Plan
from kci_api.nodes.store import NodeStore
from kci_api.pages import MOST
from kci_shared.logging import get_logger
from kci_shared.models import Imported, ImportedNode

log = get_logger(__name__)
router = APIRouter(tags=["import"])

Nodes = Annotated[NodeStore, Depends(store_of(NodeStore))]


@router.post("/import")
async def import_nodes(
    new: Annotated[list[ImportedNode], Body(max_length=MOST)],
    nodes: Nodes,
    caller: CurrentCaller,
) -> list[Imported]:
    """Bring nodes of another system here, parents first; no event tells of it.

    Ids, times and owners are kept, so an import can be repeated: a node that is the
    same stays as it is, one that was changed there is changed here, unless somebody
    here has changed it too. What cannot be taken is answered with a reason; the rest is
    written in one step.
    """
    check_may_import(caller)
    answer = await _import(nodes, new, caller.name)
    fates = Counter(one.fate.value for one in answer)
    log.info("nodes imported", by=caller.name, **fates)
    return answer


async def _import(store: NodeStore, new: list[ImportedNode], by: str) -> list[Imported]:
    answer: list[Imported] = []

    async def plan() -> Plan:
        keys = {one.node.idempotency_key for one in new if one.node.idempotency_key}
        by_key = await store.among("idempotency_key", sorted(keys))
        by_id = await store.among("_id", needed(new))
        importer = Importer(
            {node.id: node for node in by_id},
            {node.idempotency_key: node for node in by_key if node.idempotency_key},
        )
        answer[:] = [importer.judge(one) for one in new]
        return importer.plan()

    await store.carry_out(by, plan)
    return answer
