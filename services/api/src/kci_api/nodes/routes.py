# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes over HTTP."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from kci_api.nodes.answers import node_answer
from kci_api.nodes.bulk import create_node, create_nodes
from kci_api.nodes.documents import StoredNode
from kci_api.nodes.edits import Editor
from kci_api.nodes.holders import Writer
from kci_api.nodes.queries import NodeQuery, parse_filter, parse_sort
from kci_api.nodes.responses import json_response, node_response
from kci_api.nodes.rules import Terms, invalid
from kci_api.nodes.store import NodeStore
from kci_api.users.auth import CurrentCaller
from kci_shared.errors import BadRequest
from kci_shared.models import NewNode, Node, NodePatch, ResultTree

MOST = 1000
router = APIRouter(tags=["nodes"])


async def node_store(request: Request) -> NodeStore:
    """Return this application's store of nodes."""
    store = request.app.state.nodes
    assert isinstance(store, NodeStore)
    return store


async def filters(request: Request) -> dict[str, Any]:
    """Return the filter: all parameters that don't choose the page."""
    return parse_filter(
        pair for pair in request.query_params.multi_items() if pair[0] not in PAGING
    )


ClaimToken = Annotated[int | None, Header()]


async def writer(caller: CurrentCaller, claim_token: ClaimToken = None) -> Writer:
    """Return who writes, and by which claim."""
    return Writer(caller, claim_token)


async def terms(
    if_match: Annotated[str | None, Header()] = None,
    claim_token: ClaimToken = None,
    noevent: Annotated[bool, Query()] = False,
) -> Terms:
    """Return under which conditions a change is meant."""
    if if_match in (None, "*"):
        return Terms(None, claim_token, noevent)
    version = re.fullmatch(r'(?:W/)?"?(\d{1,18})"?', if_match or "")
    if version is None:
        raise BadRequest(f'If-Match: {if_match} is not a version such as "3"')
    return Terms(int(version[1]), claim_token, noevent)


PAGING = ("limit", "offset", "sort")
Nodes = Annotated[NodeStore, Depends(node_store)]
CurrentWriter = Annotated[Writer, Depends(writer)]
Filter = Annotated[dict[str, Any], Depends(filters)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
Sort = Annotated[str | None, Query(examples=["-created"])]


async def editor(
    nodes: Nodes, caller: CurrentCaller, terms: Annotated[Terms, Depends(terms)]
) -> Editor:
    """Return the caller's hand on the nodes."""
    return Editor(nodes, caller, terms)


Editing = Annotated[Editor, Depends(editor)]


@router.get("/node/{node_id}", response_model=Node | None)
async def get_node(node_id: str, request: Request) -> Response:
    """Answer a node, or `null` if there is none: today's clients ask for that."""
    document = await (await node_store(request)).get(node_id)
    return json_response(None) if document is None else node_response(document)


@router.get("/nodes")
async def list_nodes(
    nodes: Nodes,
    wanted: Filter,
    limit: Limit = 50,
    offset: Offset = 0,
    sort: Sort = None,
) -> Response:
    """Answer a page of the nodes that match `field__op=value`, oldest first."""
    query = NodeQuery(wanted, parse_sort(sort), limit, offset)
    found, total = await asyncio.gather(nodes.find(query), nodes.count(query))
    items = [node_answer(document) for document in found]
    return json_response(
        {"items": items, "total": total, "limit": limit, "offset": offset}
    )


@router.get("/nodes/fast", response_model=list[Node])
async def list_nodes_only(
    nodes: Nodes,
    wanted: Filter,
    limit: Limit = MOST,
    offset: Offset = 0,
    sort: Sort = None,
) -> Response:
    """Answer the nodes that match, without counting them."""
    query = NodeQuery(wanted, parse_sort(sort), limit, offset)
    return json_response([node_answer(one) for one in await nodes.find(query)])


@router.get("/count")
async def count_nodes(nodes: Nodes, wanted: Filter) -> int:
    """Answer how many nodes match."""
    return await nodes.count(NodeQuery(wanted, [], 0, 0))


@router.post("/node", response_model=Node)
async def post_node(
    new: NewNode,
    nodes: Nodes,
    writer: CurrentWriter,
    idempotency_key: Annotated[str | None, Header(max_length=512)] = None,
) -> Response:
    """Create a node; again with the same idempotency key, answer the first."""
    if idempotency_key is not None:
        if new.idempotency_key not in (None, idempotency_key):
            raise invalid(("body", "idempotency_key"), "the header has another")
        new = new.model_copy(update={"idempotency_key": idempotency_key})
    return _answer(await create_node(nodes, writer, new))


@router.post("/nodes", response_model=list[Node])
async def post_nodes(
    new: Annotated[list[NewNode], Body(max_length=MOST)],
    nodes: Nodes,
    writer: CurrentWriter,
) -> Response:
    """Create nodes, all or none; answer them in the order in which they came."""
    return _answers(await create_nodes(nodes, writer, new))


@router.patch("/node/{node_id}", response_model=Node)
async def patch_node(
    node_id: str, patch: NodePatch, request: Request, editing: Editing
) -> Response:
    """Change fields of a node: maps are merged key by key, a null removes a key."""
    if not await request.json():
        raise BadRequest("No fields to update")
    return _answer(await editing.patch(node_id, patch))


@router.put("/node/{node_id}", response_model=Node)
async def put_node(node_id: str, body: NewNode, editing: Editing) -> Response:
    """Set the fields of a node that the body names; what is the server's stays."""
    return _answer(await editing.replace(node_id, body))


@router.put("/nodes/{node_id}", response_model=list[Node])
async def put_nodes(node_id: str, tree: ResultTree, editing: Editing) -> Response:
    """Store a node with all that hangs below it, all or nothing; root first."""
    return _answers(await editing.put_tree(node_id, tree))


def _answer(node: StoredNode) -> Response:
    return node_response(node.to_mongo())


def _answers(nodes: Sequence[StoredNode]) -> Response:
    return json_response([node_answer(node.to_mongo()) for node in nodes])
