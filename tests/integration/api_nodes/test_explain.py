# SPDX-License-Identifier: LGPL-2.1-or-later
"""No documented query scans the collection.

The embedded server tells of a walk as soon as a filter has more than its index, though
it takes the index and looks at the rest. So a query is good if one part of it alone has
an index: that part bounds the work, on a real MongoDB as well.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient
from pymongo.asynchronous.collection import AsyncCollection

from integration.answers import Json
from integration.api_nodes.conftest import World
from kci_api.claims.rules import claimable
from kci_api.events.documents import EventDocument
from kci_api.history.rules import EventQuery
from kci_api.nodes.documents import NodeDocument
from kci_api.nodes.queries import parse_filter
from kci_shared.models import ClaimRequest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ID = "65265305c74695807499037f"
QUERIES = [
    f"id={ID}",
    "treeid=t",
    f"parent={ID}",
    "parent=null",
    f"parent={ID}&kind=process",
    "kind=job&state=running",
    "kind=test&result=fail",
    "kind__in=job,test",
    "name=login&result=fail",
    "idempotency_key=k",
    "created__gt=2026-01-01",
    "created__gte=2026-01-01&created__lte=2026-02-01&kind=test&result=fail",
    "state=available&holdoff__lt=2026-01-01",
    "state__ne=done&timeout__lt=2026-01-01",
    "data.kernel_revision.commit=c",
    "data.kernel_revision.tree=t&data.kernel_revision.branch=b",
    "kind=kbuild&state=done&result=pass&data.kernel_revision.tree=chromiumos",
    "data.runtime=lab&state=running",
    f"kind=job&state=done&id__gt={ID}&imported=null&data.findings=null",
    f"kind=kbuild&state=done&id__gt={ID}&imported=null&data.planned__ne=true",
    f"kind=job&state=done&id__gt={ID}&imported=null&artifacts.log__ne=null",
    f"kind=regression&state=done&id__gt={ID}&imported=null&data.status=fixed",
    f"kind=checkout&state=available&id__gt={ID}&artifacts.kcidb=null",
    f"kind=job&state=done&id__gt={ID}&result=fail&data.regression=null",
]
"""The queries of existing clients and our services, and of docs/performance.md."""


async def index_of(collection: AsyncCollection[Any], query: Json) -> bool:
    """Return whether an index serves a filter."""
    plan = await collection.find(query).explain()
    stages = str(plan["queryPlanner"]["winningPlan"])
    return "IXSCAN" in stages and "COLLSCAN" not in stages


async def has_index(collection: AsyncCollection[Any], query: Json) -> bool:
    parts = [{field: condition} for field, condition in query.items()]
    return any([await index_of(collection, part) for part in [query, *parts]])


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.usefixtures("root")
async def test_no_documented_query_scans_all_nodes(query: str) -> None:
    pairs = [part.split("=", 1) for part in query.split("&")]
    nodes = NodeDocument.get_pymongo_collection()
    assert await has_index(nodes, parse_filter([(k, v) for k, v in pairs]))


@pytest.mark.usefixtures("root")
async def test_a_query_without_an_index_is_detected() -> None:
    nodes = NodeDocument.get_pymongo_collection()
    assert not await has_index(nodes, parse_filter([("owner", "alice")]))


@pytest.mark.usefixtures("root")
async def test_no_query_of_the_api_itself_scans_a_collection() -> None:
    nodes = NodeDocument.get_pymongo_collection()
    request = ClaimRequest(runtime="lab", platforms=["board"])
    for query in (
        claimable(request, datetime.now(UTC)),
        {"ancestors": {"$in": [None]}},
        {"outbox.version": {"$gt": 0}},
    ):
        assert await has_index(nodes, query), query


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-01-01", "kind": ["job"], "state": ["done"]},
        {"from": "2026-01-01"},
        {"from": "7", "kind": ["job"]},
        {"node_id": ID},
        {"id": f"{ID}-1"},
        {"ids": f"{ID}-1,{ID}-2"},
    ],
    ids=lambda query: "&".join(query),
)
async def test_no_documented_query_scans_all_events(
    world: World, scheduler: AsyncClient, query: Json
) -> None:
    await world.events(await world.checkout(scheduler))
    events = EventDocument.get_pymongo_collection()
    assert await has_index(events, EventQuery.model_validate(query).mongo_filter())
