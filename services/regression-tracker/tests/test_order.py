# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever happened to a branch, and in whatever order it is heard of."""

import asyncio
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from regression_tracker_fakes import TrackerApi, World, an_event

from kci_regression_tracker.tracker import RegressionTracker
from kci_shared.models import Node

quick = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a failure is small as it is
)
VERDICT = st.sampled_from(["pass", "pass", "fail", "incomplete"])
HISTORY = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.lists(VERDICT, max_size=3)), max_size=8
)
SHOWN = st.sampled_from([None, "some-oops"])


def build(
    world: World, history: list[tuple[str, list[str]]], shown: str | None
) -> list[Node]:
    """Return the runs of a branch, the attempts of all revisions interleaved."""
    checkouts = [(world.checkout(commit), results) for commit, results in history]
    return [
        world.run(checkout, results[attempt], signature=shown)
        for attempt in range(3)
        for checkout, results in checkouts
        if attempt < len(results)
    ]


def state(world: World) -> list[dict[str, Any]]:
    """Return what the regressions say, but for when and in which steps it came."""
    fields = [
        {"result": node.result, **node.data.model_dump(exclude={"history"})}
        for node in world.api.regressions
        if node.data.status != "withdrawn"
    ]
    return sorted(fields, key=lambda one: str(one["fail_node"]))


async def in_order(world: World, runs: list[Node]) -> list[dict[str, Any]]:
    """Return what comes of it when all is there, and heard of in its order."""
    tracker = RegressionTracker(world.api)
    for node in runs:
        await tracker.on_event(an_event(node))
    return state(world)


@quick
@given(history=HISTORY, shown=SHOWN, data=st.data())
async def test_results_that_come_late_twice_and_in_any_order_end_the_same(
    history: list[tuple[str, list[str]]],
    shown: str | None,
    data: st.DataObject,
) -> None:
    usual, world = World(TrackerApi()), World(TrackerApi())
    expected = await in_order(usual, build(usual, history, shown))
    runs = build(world, history, shown)
    for node in runs:
        del world.api.nodes[node.id]
    tracker = RegressionTracker(world.api)
    heard: list[Node] = []
    for node in data.draw(st.permutations(runs)):
        world.api.put(node)
        heard.append(node)
        await tracker.on_event(an_event(node))
        await tracker.on_event(an_event(data.draw(st.sampled_from(heard))))
    assert state(world) == expected


@quick
@given(history=HISTORY, shown=SHOWN, data=st.data())
async def test_replicas_that_work_at_once_end_the_same(
    history: list[tuple[str, list[str]]],
    shown: str | None,
    data: st.DataObject,
) -> None:
    usual, world = World(TrackerApi()), World(TrackerApi())
    expected = await in_order(usual, build(usual, history, shown))
    runs = data.draw(st.permutations(build(world, history, shown)))
    for node in runs:
        del world.api.nodes[node.id]

    async def replica(share: list[Node]) -> None:
        tracker = RegressionTracker(world.api)
        for node in share:
            world.api.put(node)
            await tracker.on_event(an_event(node))

    await asyncio.gather(*(replica(runs[number::3]) for number in range(3)))
    assert state(world) == expected


@quick
@given(history=HISTORY, shown=SHOWN)
async def test_nothing_is_told_twice_and_each_break_has_its_own(
    history: list[tuple[str, list[str]]],
    shown: str | None,
) -> None:
    world = World(TrackerApi())
    runs = build(world, history, shown)
    regressions = await in_order(world, runs)
    failures = [
        run for one in regressions for run in (one["fail_node"], *one["node_sequence"])
    ]
    assert len(failures) == len(set(failures))
    assert set(failures) <= {run.id for run in runs if run.result == "fail"}
    written = world.api.writes
    assert await in_order(world, runs) == regressions
    assert world.api.writes == written
