# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of claims, for bridges and for a lab's own scripts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, status

from kci_api.callers.auth import CurrentCaller
from kci_api.claims.store import ClaimStore, grant
from kci_api.dependencies import store_of
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.wire import json_response, node_fields, node_response
from kci_api.requests import PathId
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
    responses={status.HTTP_204_NO_CONTENT: {"description": "no node came in time"}},
)
async def claim(
    body: ClaimRequest, request: Request, claims: Claims, caller: CurrentCaller
) -> Response:
    """Claim nodes that wait for a runtime; wait up to `wait` seconds for the first."""
    granted = await claims.claim(caller, body, request.is_disconnected)
    if not granted:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return json_response([_claimed(node) for node in granted])


@router.put("/{node_id}", response_model=Grant)
async def renew(
    node_id: PathId, renewal: Renewal, claims: Claims, caller: CurrentCaller
) -> Response:
    """Renew a claim, add data to its node, or both; 409: stop the run."""
    return json_response(_grant(await claims.renew(caller, node_id, renewal)))


@router.post("/{node_id}/adopt", response_model=ClaimedNode)
async def adopt(
    node_id: PathId, adoption: Adoption, claims: Claims, caller: CurrentCaller
) -> Response:
    """Take over a claim of one's own after a restart; the earlier token is void."""
    return json_response(_claimed(await claims.adopt(caller, node_id, adoption)))


@router.post("/{node_id}/release", response_model=Node)
async def release(
    node_id: PathId, release: Release, claims: Claims, caller: CurrentCaller
) -> Response:
    """End a claim without a result; the attempt is not counted."""
    node = await claims.release(caller, node_id, release)
    return node_response(node.to_mongo())


@router.post("/{node_id}/result", response_model=Node)
async def report(
    node_id: PathId, report: Report, claims: Claims, caller: CurrentCaller
) -> Response:
    """End a run: outcome, tests and artifacts in one step; 409: the claim is lost."""
    node = await claims.report(caller, node_id, report)
    return node_response(node.to_mongo())


def _claimed(node: StoredNode) -> dict[str, Any]:
    return {"node": node_fields(node.to_mongo()), "claim": _grant(grant(node))}


def _grant(granted: Grant) -> dict[str, Any]:
    return {**granted.model_dump(), "expires": stamp(granted.expires)}
