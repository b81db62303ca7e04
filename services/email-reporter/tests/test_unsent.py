# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sweep: mails that were not written although no event calls for them."""

import pytest
from email_reporter_fakes import REGRESSION_ID, World, make_settings

from kci_email_reporter.reporter import Reporter
from kci_email_reporter.unsent import Unsent
from kci_fakes.api import Call
from kci_fakes.sweeps import Crash, give_up, owed, sweep_once
from kci_shared.events.reconcile import event_of
from kci_shared.models import NODE, Result, State


@pytest.fixture
def reporter(world: World) -> Reporter:
    settings = make_settings(mail_to=["results@ci.example.org"])
    return Reporter(world.api, world.storage, settings)


@pytest.fixture
def sweep(world: World, reporter: Reporter) -> Unsent:
    return Unsent(world.api, reporter)


def parents(world: World) -> list[str | None]:
    return [mail.parent for mail in world.mail_nodes]


async def test_mails_whose_events_were_given_up_are_written_once_the_cause_is_mended(
    world: World, reporter: Reporter, sweep: Unsent
) -> None:
    def crash(call: Call) -> None:
        raise Crash

    world.api.disturb = crash
    for node in (world.regression, world.tree.checkout):
        await give_up(reporter.on_event, event_of(node))
    world.api.disturb = lambda _: None
    await sweep_once(sweep.nodes, reporter.on_event)
    assert parents(world) == [REGRESSION_ID, "c2"]
    assert await owed(sweep.nodes) == []


async def test_a_fix_that_was_not_mailed_is_swept(
    world: World, reporter: Reporter, sweep: Unsent
) -> None:
    await sweep_once(sweep.nodes, reporter.on_event)
    fields = world.regression.model_dump()
    data = {**fields["data"], "status": "fixed", "fixed_node": "k1"}
    fixed = NODE.validate_python({**fields, "result": "pass", "data": data})
    world.api.put(fixed, world.passed.model_copy(update={"id": "k1"}))
    assert await owed(sweep.nodes) == [REGRESSION_ID]
    await sweep_once(sweep.nodes, reporter.on_event)
    assert parents(world) == [REGRESSION_ID, "c2", REGRESSION_ID]
    assert await owed(sweep.nodes) == []


async def test_a_checkout_of_which_nothing_can_be_said_is_not_swept(
    world: World, sweep: Unsent
) -> None:
    for node in world.tree.nodes:
        if node.kind in ("kbuild", "job"):
            node.result = Result.INCOMPLETE
    assert await owed(sweep.nodes) == [REGRESSION_ID]


async def test_whether_a_checkout_is_the_first_is_asked_once(
    world: World, reporter: Reporter, sweep: Unsent
) -> None:
    first = world.tree.checkout
    earlier = {"id": "c1", "created": first.created.replace(hour=1)}
    world.api.put(first.model_copy(update={**earlier, "state": State.RUNNING}))
    await sweep_once(sweep.nodes, reporter.on_event)
    world.api.calls.clear()
    assert await owed(sweep.nodes) == []
    assert not [call for call in world.api.calls if "created__lt" in call.content]
