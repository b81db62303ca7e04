# SPDX-License-Identifier: LGPL-2.1-or-later
"""The status of regressions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from kci_api.callers.auth import CurrentCaller
from kci_api.dependencies import store_of
from kci_api.nodes.headers import CurrentTerms
from kci_api.nodes.plans import Plan, told
from kci_api.nodes.rules import check_terms
from kci_api.nodes.store import NodeStore
from kci_api.nodes.wire import node_response
from kci_api.regressions.rules import moved
from kci_api.times import now
from kci_shared.models import Move, Node

router = APIRouter(tags=["regressions"])

Nodes = Annotated[NodeStore, Depends(store_of(NodeStore))]


@router.put("/regression/{node_id}/status", response_model=Node)
async def put_status(
    node_id: str,
    move: Move,
    nodes: Nodes,
    caller: CurrentCaller,
    terms: CurrentTerms,
) -> Response:
    """Say how far one is with a regression; its history keeps who said it, and why."""

    async def plan() -> Plan:
        before = await nodes.read(node_id)
        check_terms(before, terms)
        after = moved(before, move, caller, now())
        return Plan([after], changed=[] if after is before else [told(before, after)])

    (node,) = await nodes.carry_out(caller.name, plan)
    return node_response(node.to_mongo())
