# SPDX-License-Identifier: LGPL-2.1-or-later
"""Single requests, beside a trivial application and bare calls of the drivers."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from bench.load import Request, send
from bench.measure import Cost, Work, calling
from bench.site import Bench

MAX_ROUNDS = 3
AT_ONCE = 16

REVISION = {
    "tree": "mainline",
    "url": "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git",
    "branch": "master",
    "commit": "2a987e65025e2b79c6d453b78cb5985ac6e5eb28",
    "describe": "v5.16-rc4-31-g2a987e65025e",
    "version": {"version": 5, "patchlevel": 16},
}
CHECKOUT = {
    "kind": "checkout",
    "name": "checkout",
    "data": {"kernel_revision": REVISION},
}


def kbuild(parent: str) -> dict[str, Any]:
    """Return a build as clients post it, of about 1 kB."""
    return {
        "kind": "kbuild",
        "name": "kbuild-gcc-12-x86",
        "parent": parent,
        "artifacts": {
            name: f"https://storage.example.org/kbuild-gcc-12-x86/{name}"
            for name in ("kernel", "modules", "config", "build_log")
        },
        "data": {
            "kernel_revision": REVISION,
            "arch": "x86_64",
            "defconfig": "x86_64_defconfig",
            "compiler": "gcc-12",
            "fragments": ["kselftest", "x86-board"],
            "config_full": "x86_64_defconfig+kselftest+x86-board",
            "platform": "kubernetes",
            "runtime": "k8s-all",
        },
    }


@dataclass
class Subject:
    """What is called, and whose CPU time that takes."""

    work: Work
    pid: int


async def compare(bench: Bench, subjects: dict[str, Subject]) -> dict[str, Cost]:
    """Measure all in turns, so that the machine's moods strike all of them."""
    costs = {name: Cost() for name in subjects}
    for _ in range(MAX_ROUNDS):
        for name, subject in subjects.items():
            await costs[name].add(subject.work, subject.pid, bench.pid("mongo"))
    return costs


async def get_node(bench: Bench) -> dict[str, Cost]:
    """GET one node: the application, the trivial one, the driver's find_one."""
    node = await _post(bench, kbuild((await _post(bench, CHECKOUT))["id"]))
    await settled(bench)
    nodes, key = bench.database["node"], {"_id": ObjectId(node["id"])}
    return await compare(
        bench,
        {
            "ours": ours(bench, "GET", f"/node/{node['id']}"),
            "the least that reads": trivial(bench, "GET", f"/node/{node['id']}"),
            "trivial": trivial(bench, "GET", "/thing/1"),
            "find_one": driver(lambda: nodes.find_one(key)),
        },
    )


async def post_node(bench: Bench) -> dict[str, Cost]:
    """POST a build: node, event and stream, beside the writes that it needs."""
    body = kbuild((await _post(bench, CHECKOUT))["id"])
    node, event = await _documents(bench, await _post(bench, body))
    text = json.dumps(event["event"])

    async def insert(name: str, document: dict[str, Any]) -> None:
        await bench.database[name].insert_one({**document, "_id": ObjectId()})

    return await compare(
        bench,
        {
            "ours": ours(bench, "POST", "/node", body),
            "the least that writes": trivial(bench, "POST", "/node", body),
            "trivial": trivial(bench, "POST", "/thing", body),
            "insert node": driver(lambda: insert("bench_node", node)),
            "insert event": driver(lambda: insert("bench_event", event)),
            "XADD": driver(lambda: bench.redis.xadd("bench", {"event": text})),
        },
    )


def ours(bench: Bench, method: str, path: str, body: Any = None) -> Subject:
    """Return a request to the API, done when its events are told, too."""
    url = f"{bench.site.url('api')}/latest{path}"
    request = Request(url, method, bench.headers, body)

    async def work() -> int:
        count = await send(request, AT_ONCE, bench.site.state)
        await settled(bench)
        return count

    return Subject(work, bench.pid("api"))


def trivial(bench: Bench, method: str, path: str, body: Any = None) -> Subject:
    """Return a request to the trivial application, of the same size."""
    request = Request(bench.site.url("trivial") + path, method, bench.headers, body)
    return Subject(
        lambda: send(request, AT_ONCE, bench.site.state), bench.pid("trivial")
    )


def driver(call: Callable[[], Awaitable[object]]) -> Subject:
    """Return a bare call of a driver, in this process."""
    return Subject(calling(call, AT_ONCE), os.getpid())


async def settled(bench: Bench) -> None:
    """Wait until no event waits in a node."""
    while await bench.database["node"].find_one({"outbox.version": {"$gt": 0}}):
        await asyncio.sleep(0.25)  # the look itself costs the database


async def _documents(
    bench: Bench, node: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a node and its event as the database has them."""
    await settled(bench)
    stored = await bench.database["node"].find_one({"_id": ObjectId(node["id"])})
    event = await bench.database["event"].find_one({"event.data.id": node["id"]})
    assert stored
    assert event
    return stored, event


async def _post(bench: Bench, body: dict[str, Any]) -> dict[str, Any]:
    answer = await bench.api.post("/node", json=body)
    return dict(answer.raise_for_status().json())
