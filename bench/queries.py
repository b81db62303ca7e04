# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists of nodes, while there are few and while there are many."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from bson import ObjectId
from pymongo import WriteConcern

from bench.requests import REVISION
from bench.site import Bench

TREE = 100
"""Nodes of one tree."""
BATCH = 1000
TIMES = 5
START = datetime(2026, 1, 1, tzinfo=UTC)


async def fill(bench: Bench, begin: int, end: int) -> None:
    """Add nodes as bare documents, in trees of a hundred, up to a number."""
    nodes = bench.database["node"].with_options(write_concern=WriteConcern(w=1))
    for number in range(begin, end, BATCH):
        trees = range(number // TREE, (number + BATCH) // TREE)
        await nodes.insert_many([node for tree in trees for node in _tree(tree)])


def _tree(number: int) -> Iterator[dict[str, Any]]:
    root = ObjectId()
    revision = {**REVISION, "commit": f"{number:040x}"}
    for place in range(TREE):
        created = START + timedelta(seconds=number * TREE + place)
        kind = "checkout" if place == 0 else "job" if place < 10 else "test"
        yield {
            "_id": root if place == 0 else ObjectId(),
            "kind": kind,
            "name": kind if place == 0 else f"{kind}-{place}",
            "path": ["checkout"],
            "parent": None if place == 0 else root,
            "state": "done",
            "result": "fail" if place % 10 == 9 else "pass",
            "data": {"kernel_revision": revision, "arch": "x86_64"},
            "created": created,
            "updated": created,
            "owner": "bench",
            "treeid": str(root),
            "version": 1,
            "ancestors": [] if place == 0 else [root],
        }


async def ask(bench: Bench, count: int) -> dict[str, float]:
    """Return how many milliseconds each query takes."""
    commit = f"{count // TREE // 2:040x}"
    named = {"data.kernel_revision.commit": commit}
    tree = await bench.database["node"].find_one(named)
    assert tree
    late = (START + timedelta(seconds=count - 50)).isoformat()
    by_tree = f"treeid={tree['treeid']}"
    queries = {
        "`nodes?treeid` (100 match)": f"/nodes?{by_tree}",
        "`nodes?parent` (99 match)": f"/nodes?parent={tree['treeid']}",
        "`nodes?…commit` (100 match)": f"/nodes?data.kernel_revision.commit={commit}",
        "`nodes?created__gt` (50 match)": f"/nodes?created__gt={late[:19]}",
        "`nodes?treeid&kind&result`": f"/nodes?{by_tree}&kind=test&result=fail",
        "`nodes/fast?treeid` (100)": f"/nodes/fast?{by_tree}",
        "`count?treeid`": f"/count?{by_tree}",
    }
    return {name: await _median_ms(bench, url) for name, url in queries.items()}


async def _median_ms(bench: Bench, url: str) -> float:
    times = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        (await bench.api.get(url)).raise_for_status()
        times.append(time.perf_counter() - begin)
    return median(times) * 1000
