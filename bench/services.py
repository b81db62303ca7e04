# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what an event costs each service: the results of a tree, as they come in."""

import asyncio
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis

from bench.measure import cpu_seconds
from bench.page import write_between
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.models import CHANNEL

SERVICES = (
    "scheduler",
    "log-parser",
    "regression-tracker",
    "email-reporter",
    "kcidb-bridge",
)
JOBS = 40
TESTS = 50
IDLE_S = 5.0
"""How long an idle service is measured, to know what its start costs."""
PATIENCE_S = 600.0

Json = dict[str, Any]
REVISION = {
    "tree": "mainline",
    "url": "https://example.org/linux.git",
    "branch": "master",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "describe": "v6.18-rc7",
}


async def write_results(api: httpx.AsyncClient) -> None:
    """Write a tree as services do: jobs are created, and end with their tests."""
    checkout = await _post(
        api, "/node", kind="checkout", name="checkout", data=_data(), state="available"
    )
    build = await _post(
        api, "/node", kind="kbuild", name="build", parent=checkout["id"], data=_data()
    )
    await _put(api, build, "pass", [])
    for number in range(JOBS):
        name = f"job-{number}"
        job = await _post(
            api, "/node", kind="job", name=name, parent=build["id"], data=_data()
        )
        await _put(api, job, "pass", [_test(n) for n in range(TESTS)])


def _data() -> Json:
    return {"kernel_revision": REVISION}


def _test(number: int) -> Json:
    result = "fail" if number == 0 else "pass"
    fields = {"kind": "test", "name": f"test-{number}", "state": "done"}
    return {"node": {**fields, "result": result}}


async def _post(api: httpx.AsyncClient, url: str, **node: Any) -> Json:
    answer = await api.post(url, json=node)
    created: Json = answer.raise_for_status().json()
    return created


async def _put(
    api: httpx.AsyncClient, node: Json, result: str, tests: list[Json]
) -> None:
    fields = {key: node[key] for key in ("kind", "name")}
    tree = {
        "node": {**fields, "state": "done", "result": result},
        "child_nodes": tests,
    }
    answer = await api.put(f"/nodes/{node['id']}", json=tree)
    answer.raise_for_status()


async def cpu_ms_per_event(stack: Stack, redis: Redis, service: str) -> float:
    """Return what an event of the stream costs a service, but for its start."""
    await redis.xgroup_create(CHANNEL, service, "$", mkstream=True)
    idle_s = await _cpu_of(stack, service, asyncio.sleep(IDLE_S))
    await redis.xgroup_destroy(CHANNEL, service)
    busy_s = await _cpu_of(stack, service, _caught_up(redis, service))
    newest: Any = await redis.xinfo_stream(CHANNEL)
    return (busy_s - idle_s) / int(newest["length"]) * 1000


async def _cpu_of(stack: Stack, service: str, until: Any) -> float:
    await stack.up([service])
    await until
    pid = stack.processes.pid(service)
    assert pid is not None, f"{service} died"
    spent = cpu_seconds(pid)
    await stack.processes.stop(service)
    return spent


async def _caught_up(redis: Redis, service: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await _is_caught_up(redis, service):
            await asyncio.sleep(0.2)


async def _is_caught_up(redis: Redis, service: str) -> bool:
    stream: Any = await redis.xinfo_stream(CHANNEL)
    groups: Any = await redis.xinfo_groups(CHANNEL)
    [*found] = [group for group in groups if group["name"] == service]
    return bool(found) and (
        found[0]["pending"] == 0
        and found[0]["last-delivered-id"] == stream["last-generated-id"]
    )


async def main() -> None:
    """Measure each service, print the figures, and write the page."""
    begin = os.getloadavg()[0]
    lines = ["| service | CPU ms per event |", "|---|---|"]
    with tempfile.TemporaryDirectory(prefix="kci-bench-") as folder:
        stack = Stack(Site.open(Path(folder), Path("config"), Path(folder)))
        try:
            await stack.up(["api"])
            token = stack.site.secrets.path("outside.token").read_text()
            async with (
                httpx.AsyncClient(
                    base_url=f"{stack.site.url('api')}/latest",
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=60,
                ) as api,
                Redis.from_url(stack.site.redis_url, decode_responses=True) as redis,
            ):
                await write_results(api)
                for service in SERVICES:
                    cost = await cpu_ms_per_event(stack, redis, service)
                    print(f"{service}: {cost:.2f} ms", flush=True)
                    lines.append(f"| {service} | {cost:.2f} |")
        finally:
            await stack.down()
    load = f"load {begin:.1f} before, {os.getloadavg()[0]:.1f} after"
    about = f"Measured on {date.today()}, {os.cpu_count()} cores, {load}."
    write_between("bench-services", [about, "", *lines])


if __name__ == "__main__":
    asyncio.run(main())
