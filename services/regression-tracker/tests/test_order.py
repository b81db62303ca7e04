# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever happened to a branch, and in whatever order it is heard of."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kci_regression_tracker.rules import baseline, is_comparable, next_failures
from kci_regression_tracker.tracker import RegressionTracker
from kci_shared.models import Event, Node

World = Any
quick = settings(
    max_examples=30,
    deadline=None,
    # the fixtures are factories: nothing is left of one example in the next
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
VERDICT = st.sampled_from(["pass", "fail", "incomplete"])
HISTORY = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(VERDICT, max_size=3)), max_size=6
)


def build(world: World, history: list[tuple[str, list[str]]]) -> list[Node]:
    """Return the runs of a branch, the attempts of all revisions interleaved."""
    checkouts = [(world.checkout(commit), results) for commit, results in history]
    return [
        world.run(checkout, results[attempt], retry_counter=attempt)
        for attempt in range(3)
        for checkout, results in checkouts
        if attempt < len(results)
    ]


def dates(world: World) -> dict[str, Any]:
    found = (node for node in world.api.nodes.values() if node.kind == "checkout")
    return {node.treeid: node.created for node in found}


def demanded(world: World, runs: list[Node]) -> list[tuple[str, str]]:
    """Return what the rules say when all is known."""
    pairs = (
        (passed.id, failed.id)
        for failed in runs
        if is_comparable(failed) and failed.result == "fail"
        if (passed := baseline(failed, runs, dates(world))) is not None
    )
    return sorted(pairs)


@quick
@given(history=HISTORY, data=st.data())
async def test_the_order_of_events_and_their_repetition_change_nothing(
    new_world: Callable[[], World],
    event: Callable[[Node], Event],
    history: list[tuple[str, list[str]]],
    data: st.DataObject,
) -> None:
    world = new_world()
    runs = build(world, history)
    tracker = RegressionTracker(world.api)
    heard = data.draw(st.permutations(runs + runs[: len(runs) // 2]))
    for node in heard:
        await tracker.on_event(event(node))
    assert world.api.regressions == demanded(world, runs)


@quick
@given(history=HISTORY, data=st.data())
async def test_no_regression_is_missed_in_whatever_order_verdicts_become_final(
    new_world: Callable[[], World],
    event: Callable[[Node], Event],
    history: list[tuple[str, list[str]]],
    data: st.DataObject,
) -> None:
    world = new_world()
    runs = build(world, history)
    for node in runs:
        del world.api.nodes[node.id]
    tracker = RegressionTracker(world.api)
    for node in data.draw(st.permutations(runs)):
        world.api.add(node)
        await tracker.on_event(event(node))
    told = {failed for _, failed in world.api.regressions}
    assert told >= {failed for _, failed in demanded(world, runs)}


@quick
@given(history=HISTORY)
def test_a_baseline_is_an_older_pass_of_another_commit(
    new_world: Callable[[], World], history: list[tuple[str, list[str]]]
) -> None:
    world = new_world()
    runs = build(world, history)
    when = dates(world)
    for failed in runs:
        passed = baseline(failed, runs, when)
        if passed is not None:
            assert passed.result == "pass"
            assert when[passed.treeid] < when[failed.treeid]
            commits = {n.data.kernel_revision.commit for n in (passed, failed)}
            assert len(commits) == 2


@quick
@given(history=HISTORY)
def test_from_each_pass_the_way_leads_to_the_failure_that_it_explains(
    new_world: Callable[[], World], history: list[tuple[str, list[str]]]
) -> None:
    world = new_world()
    runs = build(world, history)
    by_id = {node.id: node for node in runs}
    for passed, failed in demanded(world, runs):
        found = next_failures(by_id[passed], runs, dates(world))
        assert failed in [node.id for node in found]
