# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of the nodes."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Request, Response

from kci_api.callers.auth import CurrentCaller, UnrestrictedCaller
from kci_api.dependencies import find_store, store_of
from kci_api.groups.store import GroupStore
from kci_api.nodes.counts import GroupCount, parse_bound, parse_fields
from kci_api.nodes.creation import create_node, create_nodes
from kci_api.nodes.edits import Editor
from kci_api.nodes.headers import CurrentOptions, CurrentWriter
from kci_api.nodes.queries import NodeQuery, parse_filter
from kci_api.nodes.selection import (
    FILTER_PARAMETERS,
    By,
    CurrentSelection,
    LimitOrAll,
    filter_parameters,
)
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trail import TrailEntry
from kci_api.nodes.wire import (
    json_response,
    node_fields,
    node_response,
    streamed,
)
from kci_api.pages import MAX_LIMIT, Limit, Offset, Page
from kci_api.requests import PathId, invalid
from kci_shared.errors import BadRequest
from kci_shared.models import NewNode, Node, NodePatch, ResultTree
from kci_shared.models.sizes import Text

router = APIRouter(tags=["nodes"])

Nodes = Annotated[NodeStore, Depends(store_of(NodeStore))]
Groups = Annotated[GroupStore, Depends(store_of(GroupStore))]


async def editor(
    nodes: Nodes, caller: CurrentCaller, options: CurrentOptions
) -> Editor:
    """Return what changes nodes for the caller."""
    return Editor(nodes, caller, options)


CurrentEditor = Annotated[Editor, Depends(editor)]


@router.get("/node/{node_id}", response_model=Node | None)
async def get_node(node_id: PathId, request: Request) -> Response:
    """Return a node, or `null`, as clients expect, if there is no such node."""
    document = await find_store(request, NodeStore).get(node_id)
    return json_response(None) if document is None else node_response(document)


@router.get("/node/{node_id}/trail")
async def get_trail(
    node_id: PathId, nodes: Nodes, _: UnrestrictedCaller
) -> list[TrailEntry]:
    """Return who changed which fields of a node, oldest first."""
    return await nodes.get_trail(node_id)


@router.get("/nodes", response_model=Page[Node], openapi_extra=FILTER_PARAMETERS)
async def list_nodes(
    nodes: Nodes, selection: CurrentSelection, limit: Limit = 50, offset: Offset = 0
) -> Response:
    """Return a page of the nodes that match `field__op=value`, oldest first."""
    query = selection.page(limit, offset)
    page, total = await asyncio.gather(nodes.find(query), nodes.count(query))
    items = [node_fields(document) for document in page]
    body = {"items": items, "total": total, "limit": limit, "offset": offset}
    return json_response(body, selection.next_page(page, limit))


@router.get("/nodes/fast", response_model=list[Node], openapi_extra=FILTER_PARAMETERS)
async def list_nodes_only(
    nodes: Nodes,
    selection: CurrentSelection,
    limit: LimitOrAll = None,
    offset: Offset = 0,
) -> Response:
    """Return the nodes that match, without counting them; without `limit`, all."""
    if limit is None:
        return await streamed(nodes.batches(selection.all(offset)))
    page = await nodes.find(selection.page(limit, offset))
    headers = selection.next_page(page, limit)
    return json_response([node_fields(document) for document in page], headers)


@router.get("/count", openapi_extra=FILTER_PARAMETERS)
async def count_nodes(
    nodes: Nodes, request: Request, by: By = None
) -> int | list[GroupCount]:
    """Return how many nodes match; with `by`, how many for each of its values."""
    parameters = filter_parameters(request, "by")
    if by is not None:
        return await nodes.count_by(parse_bound(parameters), parse_fields(by))
    return await nodes.count(NodeQuery(parse_filter(parameters), [], 0, 0))


@router.post("/node", response_model=Node)
async def post_node(
    new: NewNode,
    nodes: Nodes,
    writer: CurrentWriter,
    groups: Groups,
    idempotency_key: Annotated[
        Text | None, Header(min_length=1, max_length=512)
    ] = None,
) -> Response:
    """Create a node; a repeated idempotency key returns the existing node."""
    if idempotency_key is not None:
        if new.idempotency_key not in (None, idempotency_key):
            raise invalid(
                ("body", "idempotency_key"), "differs from the header Idempotency-Key"
            )
        new = new.model_copy(update={"idempotency_key": idempotency_key})
    await groups.named(new.user_groups)
    return _node(await create_node(nodes, writer, new))


@router.post("/nodes", response_model=list[Node])
async def post_nodes(
    new: Annotated[list[NewNode], Body(max_length=MAX_LIMIT)],
    nodes: Nodes,
    writer: CurrentWriter,
    groups: Groups,
) -> Response:
    """Create nodes, all or none; return them in the order of the request."""
    await groups.named({name for one in new for name in one.user_groups})
    return _nodes(await create_nodes(nodes, writer, new))


@router.patch("/node/{node_id}", response_model=Node)
async def patch_node(
    node_id: PathId, patch: NodePatch, request: Request, editor: CurrentEditor
) -> Response:
    """Change fields of a node: maps are merged key by key, a null removes a key."""
    if not await request.json():
        raise BadRequest("No fields to update")
    return _node(await editor.patch(node_id, patch))


@router.put("/node/{node_id}", response_model=Node)
async def put_node(node_id: PathId, body: NewNode, editor: CurrentEditor) -> Response:
    """Set the fields of a node that the body has; read-only fields are ignored."""
    return _node(await editor.replace(node_id, body))


@router.put("/nodes/{node_id}", response_model=list[Node])
async def put_nodes(
    node_id: PathId, tree: ResultTree, editor: CurrentEditor, groups: Groups
) -> Response:
    """Store a node with its whole subtree, all or nothing; return it root first."""
    await groups.named(set(_groups_below(tree)))
    return _nodes(await editor.put_tree(node_id, tree))


def _node(node: StoredNode) -> Response:
    return node_response(node.to_mongo())


def _nodes(nodes: Sequence[StoredNode]) -> Response:
    return json_response([node_fields(node.to_mongo()) for node in nodes])


def _groups_below(tree: ResultTree) -> Iterator[str]:
    """Yield the groups of nodes that may be new; a PUT does not change the root's."""
    for child in tree.child_nodes:
        yield from child.node.user_groups
        yield from _groups_below(child)
