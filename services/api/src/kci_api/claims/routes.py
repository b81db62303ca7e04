# SPDX-License-Identifier: LGPL-2.1-or-later
"""The claims over HTTP: for bridges, and for a lab's own ten-line script."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, status

from kci_api.callers.auth import CurrentCaller
from kci_api.claims.store import ClaimStore, grant
from kci_api.dependencies import store_of
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.wire import json_response, node_answer, node_response
from kci_api.times import stamp
from kci_shared.models import (
    Adoption,
    ClaimedNode,
    ClaimRequest,
    Grant,
    Node,
    Release,
    Renewal,
    Report,
)

router = APIRouter(prefix="/claims", tags=["claims"])


Claims = Annotated[ClaimStore, Depends(store_of(ClaimStore))]


@router.post(
    "",
    response_model=list[ClaimedNode],
    responses={status.HTTP_204_NO_CONTENT: {"description": "none came in time"}},
)
async def claim(
    wanted: ClaimRequest, request: Request, claims: Claims, caller: CurrentCaller
) -> Response:
    """Claim nodes that wait for a runtime; wait up to `wait` seconds for the first."""
    granted = await claims.claim(caller, wanted, request.is_disconnected)
    if not granted:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return json_response([_claimed(node) for node in granted])


@router.put("/{node_id}", response_model=Grant)
async def renew(
    node_id: str, asked: Renewal, claims: Claims, caller: CurrentCaller
) -> Response:
    """Prolong a claim, write the lab's own facts, or both; 409 = stop the run."""
    return json_response(_grant(await claims.renew(caller, node_id, asked)))


@router.post("/{node_id}/adopt", response_model=ClaimedNode)
async def adopt(
    node_id: str, asked: Adoption, claims: Claims, caller: CurrentCaller
) -> Response:
    """Take a node back after a restart; tokens from before are void."""
    return json_response(_claimed(await claims.adopt(caller, node_id, asked)))


@router.post("/{node_id}/release", response_model=Node)
async def release(
    node_id: str, asked: Release, claims: Claims, caller: CurrentCaller
) -> Response:
    """Give a node back unfinished; the attempt is not counted."""
    node = await claims.release(caller, node_id, asked)
    return node_response(node.to_mongo())


@router.post("/{node_id}/result", response_model=Node)
async def report(
    node_id: str, report: Report, claims: Claims, caller: CurrentCaller
) -> Response:
    """End a run: outcome, tests and artifacts in one step; 409 = too late."""
    node = await claims.report(caller, node_id, report)
    return node_response(node.to_mongo())


def _claimed(node: StoredNode) -> dict[str, Any]:
    return {"node": node_answer(node.to_mongo()), "claim": _grant(grant(node))}


def _grant(granted: Grant) -> dict[str, Any]:
    return {**granted.model_dump(), "expires": stamp(granted.expires)}
