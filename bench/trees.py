# SPDX-License-Identifier: LGPL-2.1-or-later
"""A result tree of a thousand nodes, beside one bare insert_many of the same."""

import os
from typing import Any

from bson import ObjectId

from bench.measure import Cost
from bench.requests import CHECKOUT, settled
from bench.site import Bench
from kci_api.nodes.documents import NodeDocument

CHILDREN = 1000
MAX_ROUNDS = 3


async def put_tree(bench: Bench) -> dict[str, Cost]:
    """Store trees: by the API, and as bare documents with and without our indexes."""
    costs = {name: Cost() for name in ("ours", "insert_many", "without indexes")}
    indexed = bench.database["bench_indexed"]
    await indexed.create_indexes(NodeDocument.Settings.indexes)
    for _ in range(MAX_ROUNDS):
        await _measure(bench, costs["ours"], bench.pid("api"), _Put(bench))
        stored = await bench.database["node"].find({"kind": "test"}).to_list(CHILDREN)
        for name, collection in (
            ("insert_many", indexed),
            ("without indexes", bench.database["bench_plain"]),
        ):
            copies = [{**node, "_id": ObjectId(), "outbox": []} for node in stored]
            await _measure(bench, costs[name], os.getpid(), _Insert(collection, copies))
    return costs


class _Put:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._url = ""

    async def prepare(self) -> None:
        answer = await self._bench.api.post("/node", json=CHECKOUT)
        self._url = f"/nodes/{answer.raise_for_status().json()['id']}"

    async def run(self) -> None:
        children = [
            {
                "node": {
                    "kind": "test",
                    "name": f"t{n}",
                    "state": "done",
                    "result": "pass",
                }
            }
            for n in range(CHILDREN)
        ]
        body = {
            "node": {"kind": "checkout", "name": "checkout"},
            "child_nodes": children,
        }
        answer = await self._bench.api.put(self._url, json=body)
        assert len(answer.raise_for_status().json()) == CHILDREN + 1


class _Insert:
    def __init__(self, collection: Any, documents: list[dict[str, Any]]) -> None:
        self._collection = collection
        self._documents = documents

    async def prepare(self) -> None:
        pass

    async def run(self) -> None:
        await self._collection.insert_many(self._documents)


async def _measure(bench: Bench, cost: Cost, pid: int, work: _Put | _Insert) -> None:
    await work.prepare()
    await settled(bench)

    async def once() -> int:
        await work.run()
        return 1

    await cost.add(once, pid, bench.pid("mongo"))
    await settled(bench)
