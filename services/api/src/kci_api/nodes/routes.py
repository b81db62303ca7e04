# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes over HTTP."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from kci_api.callers.auth import CurrentCaller, FreeCaller
from kci_api.dependencies import find_store, store_of
from kci_api.groups.store import GroupStore
from kci_api.nodes.creation import create_node, create_nodes
from kci_api.nodes.cursors import beyond, cursor_at
from kci_api.nodes.edits import Editor
from kci_api.nodes.headers import CurrentTerms, CurrentWriter
from kci_api.nodes.queries import NodeQuery, parse_filter, parse_sort
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trail import Step
from kci_api.nodes.wire import json_response, node_answer, node_response
from kci_api.pages import MOST, Limit, Offset, Page
from kci_api.requests import invalid
from kci_shared.errors import BadRequest
from kci_shared.models import NewNode, Node, NodePatch, ResultTree

router = APIRouter(tags=["nodes"])

FILTERS = {
    "parameters": [
        {
            "name": "field__op",
            "in": "query",
            "description": "any number of filters, such as `kind=job`,"
            " `created__gt=2026-11-22`, `data.kernel_revision.tree=mainline`,"
            " `name__re=^boot`; `op` is one of lt lte gt gte ne in nin re",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "example": {"kind": "job", "created__gt": "2026-11-22"},
        }
    ]
}


async def filters(request: Request) -> dict[str, Any]:
    """Return the filter: all parameters that don't choose the page."""
    return parse_filter(
        pair for pair in request.query_params.multi_items() if pair[0] not in PAGING
    )


PAGING = ("limit", "offset", "sort", "cursor")
Nodes = Annotated[NodeStore, Depends(store_of(NodeStore))]
Groups = Annotated[GroupStore, Depends(store_of(GroupStore))]
Filter = Annotated[dict[str, Any], Depends(filters)]


@dataclass(frozen=True)
class Wanted:
    """Which nodes are wanted, in which order."""

    filter: dict[str, Any]
    order: list[tuple[str, int]]

    def page(self, limit: int, offset: int) -> NodeQuery:
        """Return what is asked of the store."""
        return NodeQuery(self.filter, self.order, limit, offset)

    def next_page(self, found: Sequence[dict[str, Any]], limit: int) -> dict[str, str]:
        """Return the header that leads from a full page to the next one."""
        if len(found) < limit:
            return {}
        return {"Next-Cursor": cursor_at(found[-1], self.order)}


async def wanted_nodes(
    wanted: Filter,
    sort: Annotated[
        str | None,
        Query(description="`created`, `id`, or `-created`, `-id` for newest first"),
    ] = None,
    cursor: Annotated[
        str | None,
        Query(description="goes on after the page whose header `Next-Cursor` it was"),
    ] = None,
) -> Wanted:
    """Return which nodes are wanted."""
    order = parse_sort(sort)
    return Wanted(beyond(wanted, order, cursor), order)


WantedNodes = Annotated[Wanted, Depends(wanted_nodes)]


async def editor(nodes: Nodes, caller: CurrentCaller, terms: CurrentTerms) -> Editor:
    """Return the caller's hand on the nodes."""
    return Editor(nodes, caller, terms)


Editing = Annotated[Editor, Depends(editor)]


@router.get("/node/{node_id}", response_model=Node | None)
async def get_node(node_id: str, request: Request) -> Response:
    """Answer a node, or `null` if there is none: today's clients ask for that."""
    document = await find_store(request, NodeStore).get(node_id)
    return json_response(None) if document is None else node_response(document)


@router.get("/node/{node_id}/trail")
async def get_trail(node_id: str, nodes: Nodes, _: FreeCaller) -> list[Step]:
    """Tell who changed a node, and what of it, oldest first."""
    return await nodes.get_trail(node_id)


@router.get("/nodes", response_model=Page[Node], openapi_extra=FILTERS)
async def list_nodes(
    nodes: Nodes, wanted: WantedNodes, limit: Limit = 50, offset: Offset = 0
) -> Response:
    """Answer a page of the nodes that match `field__op=value`, oldest first."""
    query = wanted.page(limit, offset)
    found, total = await asyncio.gather(nodes.find(query), nodes.count(query))
    items = [node_answer(document) for document in found]
    page = {"items": items, "total": total, "limit": limit, "offset": offset}
    return json_response(page, wanted.next_page(found, limit))


@router.get("/nodes/fast", response_model=list[Node], openapi_extra=FILTERS)
async def list_nodes_only(
    nodes: Nodes, wanted: WantedNodes, limit: Limit = MOST, offset: Offset = 0
) -> Response:
    """Answer the nodes that match, without counting them."""
    found = await nodes.find(wanted.page(limit, offset))
    return json_response(
        [node_answer(one) for one in found], wanted.next_page(found, limit)
    )


@router.get("/count", openapi_extra=FILTERS)
async def count_nodes(nodes: Nodes, wanted: Filter) -> int:
    """Answer how many nodes match."""
    return await nodes.count(NodeQuery(wanted, [], 0, 0))


@router.post("/node", response_model=Node)
async def post_node(
    new: NewNode,
    nodes: Nodes,
    writer: CurrentWriter,
    groups: Groups,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=512)] = None,
) -> Response:
    """Create a node; again with the same idempotency key, answer the first."""
    if idempotency_key is not None:
        if new.idempotency_key not in (None, idempotency_key):
            raise invalid(("body", "idempotency_key"), "the header has another")
        new = new.model_copy(update={"idempotency_key": idempotency_key})
    await groups.named(new.user_groups)
    return _answer(await create_node(nodes, writer, new))


@router.post("/nodes", response_model=list[Node])
async def post_nodes(
    new: Annotated[list[NewNode], Body(max_length=MOST)],
    nodes: Nodes,
    writer: CurrentWriter,
    groups: Groups,
) -> Response:
    """Create nodes, all or none; answer them in the order in which they came."""
    await groups.named({name for one in new for name in one.user_groups})
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
async def put_nodes(
    node_id: str, tree: ResultTree, editing: Editing, groups: Groups
) -> Response:
    """Store a node with all that hangs below it, all or nothing; root first."""
    await groups.named(set(_groups_below(tree)))
    return _answers(await editing.put_tree(node_id, tree))


def _answer(node: StoredNode) -> Response:
    return node_response(node.to_mongo())


def _answers(nodes: Sequence[StoredNode]) -> Response:
    return json_response([node_answer(node.to_mongo()) for node in nodes])


def _groups_below(tree: ResultTree) -> Iterator[str]:
    """Yield the groups of the nodes that may be new; those of the root stay."""
    for child in tree.child_nodes:
        yield from child.node.user_groups
        yield from _groups_below(child)
