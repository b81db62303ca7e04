# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run all measurements, print them, and keep them in docs/performance.md."""

import argparse
import asyncio
import os
from datetime import date

from bench.authentication import authentication
from bench.catching_up import CaughtUp, catch_up
from bench.measure import Cost
from bench.page import write_between
from bench.queries import ask, fill
from bench.requests import get_node, post_node
from bench.site import Bench, running
from bench.subscribers import Figures, subscribers
from bench.trees import put_tree

SECONDS = 10
PACE = 100


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("bench", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--missed", type=int, default=100_000, help="events")
    parser.add_argument("--subscribers", type=int, default=1000)
    return parser.parse_args()


def requests_table(costs: dict[str, dict[str, Cost]]) -> list[str]:
    """Say what requests cost, and what their parts cost alone."""
    lines = ["| what | CPU ms | database CPU ms | wall ms | |", "|---|---|---|---|---|"]
    for title, parts in costs.items():
        for name, cost in parts.items():
            figures = f"{cost.cpu_ms:.2f} | {cost.database_ms:.2f} | {cost.wall_ms:.2f}"
            lines.append(f"| {title}: {name} | {figures} | {_ratio(name, parts)} |")
    return lines


def _ratio(name: str, parts: dict[str, Cost]) -> str:
    """Compare with the sum of what is bare, and with the least that does it all."""
    if name != "ours":
        return ""
    (least,) = (cost.cpu_ms for other, cost in parts.items() if "least" in other)
    ours, everything = parts["ours"].cpu_ms, sum(c.cpu_ms for c in parts.values())
    bare = everything - ours - least
    return f"**{ours / least:.2f} x** the least, {ours / bare:.2f} x the sum"


def tree_table(costs: dict[str, Cost]) -> list[str]:
    """Say what a tree of a thousand takes."""
    bare = costs["insert_many"].wall_ms
    lines = ["| 1,000 children | wall ms | own CPU ms | database CPU ms | |"]
    lines.append("|---|---|---|---|---|")
    for name, cost in costs.items():
        figures = f"{cost.wall_ms:.0f} | {cost.cpu_ms:.0f} | {cost.database_ms:.0f}"
        lines.append(f"| {name} | {figures} | {cost.wall_ms / bare:.2f} x |")
    return lines


def query_table(found: dict[int, dict[str, float]]) -> list[str]:
    """Say how long lists take, by how many nodes there are."""
    sizes = list(found)
    lines = ["| p50, ms | " + " | ".join(f"{size:,} nodes" for size in sizes) + " |"]
    lines.append("|---" * (len(sizes) + 1) + "|")
    for name in found[sizes[0]]:
        times = " | ".join(f"{found[size][name]:.1f}" for size in sizes)
        lines.append(f"| {name} | {times} |")
    return lines


def event_table(many: Figures, caught: CaughtUp) -> list[str]:
    """Say how events are delivered."""
    each = (many.mib_connected - many.mib_before) / many.subscribers * 1024
    return [
        "| events | |",
        "|---|---|",
        f"| {many.subscribers:,} SSE subscribers, {PACE} events/s for {SECONDS} s |"
        f" {many.delivered:,} delivered, {'all' if many.complete else '**not all**'} |",
        f"| deliveries per CPU second of the API | {many.per_cpu_second:,.0f} |",
        f"| memory of the API: before, all connected, at the end |"
        f" {many.mib_before:.0f}, {many.mib_connected:.0f}, {many.mib_after:.0f} MiB"
        f" ({each:.0f} KiB each) |",
        f"| a writer's request of 25 nodes meanwhile, p50 | {many.write_ms:.0f} ms |",
        f"| the last delivery after the last write | {many.late_s:.1f} s |",
        f"| away for {caught.events:,} events: caught up over SSE |"
        f" {'in order, none missing' if caught.complete else '**not complete**'},"
        f" {caught.seconds:.1f} s, {caught.per_cpu_second:,.0f} per CPU second |",
    ]


async def measure(bench: Bench, arguments: argparse.Namespace) -> list[str]:
    """Measure everything, and return the page's tables."""
    lines = _printed(
        requests_table(
            {"GET node": await get_node(bench), "POST node": await post_node(bench)}
        )
    )
    spent = await authentication(bench)
    lines += _printed([f"Authentication: {spent:.3f} ms of CPU time a request."])
    lines += _printed(tree_table(await put_tree(bench)))
    many = await subscribers(bench, arguments.subscribers, SECONDS, PACE)
    lines += _printed(event_table(many, await catch_up(bench, arguments.missed)))
    found, there = {}, 0
    for size in sorted(arguments.nodes):
        await fill(bench, there, size)
        found[size], there = await ask(bench, size), size
    return lines + (_printed(query_table(found)) if found else [])


def _printed(lines: list[str]) -> list[str]:
    """Show what is known by now: the rest takes minutes."""
    print("\n".join(lines), end="\n\n", flush=True)
    return [*lines, ""]


async def main() -> None:
    """Measure, print and keep."""
    arguments = parse_arguments()
    begin = os.getloadavg()[0]
    async with running() as bench:
        lines = await measure(bench, arguments)
    load = f"load {begin:.1f} before, {os.getloadavg()[0]:.1f} after"
    lines = [f"Measured on {date.today()}, {os.cpu_count()} cores, {load}.", "", *lines]
    write_between("bench", lines)


if __name__ == "__main__":
    asyncio.run(main())
