# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP route of the status of regressions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from kci_api.callers.auth import CurrentCaller
from kci_api.dependencies import store_of
from kci_api.nodes.headers import CurrentOptions
from kci_api.nodes.plans import Plan, with_event
from kci_api.nodes.rules import check_version
from kci_api.nodes.store import NodeStore
from kci_api.nodes.wire import node_response
from kci_api.regressions.rules import moved
from kci_api.requests import PathId
from kci_api.times import now
from kci_shared.models import Move, Node

router = APIRouter(tags=["regressions"])

Nodes = Annotated[NodeStore, Depends(store_of(NodeStore))]


@router.put("/regression/{node_id}/status", response_model=Node)
async def put_status(
    node_id: PathId,
    move: Move,
    nodes: Nodes,
    caller: CurrentCaller,
    options: CurrentOptions,
) -> Response:
    """Set the status of a regression; its history records who did, and why."""

    async def plan() -> Plan:
        before = await nodes.read(node_id)
        check_version(before, options)
        after = moved(before, move, caller, now())
        updates = [] if after is before else [with_event(before, after)]
        return Plan([after], updates=updates)

    (node,) = await nodes.apply(caller.name, plan)
    return node_response(node.to_mongo())
