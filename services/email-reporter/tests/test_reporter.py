# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which events write a mail, and that each mail is written once."""

import pytest
from email_reporter_fakes import (
    REGRESSION_ID,
    Tree,
    World,
    event_of,
    extra,
    make_node,
    make_settings,
)

from kci_email_reporter.reporter import Reporter
from kci_fakes.api import Call
from kci_shared.errors import Conflict, NotFound, NotYet
from kci_shared.models import NODE, Node, Result, State


@pytest.fixture
def reporter(world: World) -> Reporter:
    settings = make_settings(mail_to=["results@ci.example.org"])
    return Reporter(world.api, world.storage, settings)


async def handle(reporter: Reporter, *nodes: Node) -> None:
    for node in nodes:
        await reporter.on_event(event_of(node))


async def test_a_regression_becomes_a_mail_for_the_sender_to_claim(
    world: World, reporter: Reporter
) -> None:
    await handle(reporter, world.regression)
    (node,) = world.mail_nodes
    assert (node.name, node.parent) == ("mail", REGRESSION_ID)
    assert node.state is State.RUNNING
    assert node.idempotency_key == f"mail/regression/{REGRESSION_ID}/new/1"
    assert (node.data.runtime, node.data.platform) == ("email", "smtp")
    to, message_id, subject = extra(node, "to", "message_id", "subject")
    assert to == ["results@ci.example.org"]
    assert message_id == "<kci.reg.8858c5bf23f333a4.1@ci.example.org>"
    assert str(subject).startswith("[REGRESSION] mainline/master: boot:")
    assert node.timeout is not None
    (mail,) = world.mails
    assert f"Message-ID: {message_id}\r\n" in mail
    assert "[    1.500000] Kernel panic - not syncing" in mail
    assert "https://s.example/l/console.log#L321" in mail


async def test_repeated_events_write_no_second_mail(
    world: World, reporter: Reporter
) -> None:
    nodes: list[Node] = [world.regression, world.tree.checkout]
    await handle(reporter, *nodes, *nodes)
    assert len(world.mail_nodes) == 2
    assert len(world.storage.files) == 2


async def test_two_replicas_write_one_mail(world: World, reporter: Reporter) -> None:
    await handle(reporter, world.regression)
    (first,) = world.mail_nodes
    del world.api.nodes[first.id]  # the other replica did not see it in time

    def taken(call: Call) -> None:
        if call.method == "create":
            raise Conflict("the key is taken")

    world.api.disturb = taken
    await handle(reporter, world.regression)
    assert world.mail_nodes == []
    assert len(set(world.storage.files.values())) == 1


async def test_a_regression_waits_until_its_log_is_parsed(
    world: World, reporter: Reporter
) -> None:
    world.tree.panic.data.findings = None
    with pytest.raises(NotYet, match="job b2 is not settled"):
        await handle(reporter, world.regression)
    assert not world.storage.files


@pytest.mark.parametrize("node_id", ["b2", "k2"])
async def test_a_lab_failure_is_never_mailed_as_a_regression(
    world: World, reporter: Reporter, node_id: str
) -> None:
    world.tree[node_id].result = Result.INCOMPLETE
    await handle(reporter, world.regression)
    assert not world.mail_nodes


async def test_a_regression_that_no_longer_fails_is_not_mailed(
    world: World, reporter: Reporter
) -> None:
    world.regression.result = Result.PASS
    await handle(reporter, world.regression)
    assert not world.mail_nodes


def fix(world: World) -> None:
    """Let the regression's test pass again."""
    entry = {"at": "t", "who": "regression-tracker", "old": "new", "new": "fixed"}
    end = {"status": "fixed", "fixed_node": "k1", "history": [entry]}
    fields = world.regression.model_dump()
    data = {**fields["data"], **end}
    fixed = NODE.validate_python({**fields, "result": "pass", "data": data})
    world.api.put(fixed, world.passed.model_copy(update={"id": "k1"}))


async def test_a_fix_is_a_reply_to_the_mail_on_the_regression(
    world: World, reporter: Reporter
) -> None:
    await handle(reporter, world.regression)
    fix(world)
    await handle(reporter, world.regression, world.regression)
    first, last = world.mail_nodes
    assert last.idempotency_key == f"mail/regression/{REGRESSION_ID}/fixed/1"
    (subject, message_id), (reply,) = (
        extra(first, "subject", "message_id"),
        extra(last, "subject"),
    )
    assert reply == f"Re: {subject}"
    mail = world.mails[1]
    for header in ("In-Reply-To", "References"):
        assert f"{header}: {message_id}\r\n" in mail
    assert "X-Kernelci-Regression-State: fixed\r\n" in mail
    assert "boots again on mainline/master." in mail.replace("\r\n", " ")


async def test_a_fix_of_an_unreported_regression_is_not_mailed(
    world: World, reporter: Reporter
) -> None:
    fix(world)
    await handle(reporter, world.regression)
    assert not world.mail_nodes


async def test_a_regression_whose_nodes_are_missing_cannot_be_reported(
    world: World, reporter: Reporter
) -> None:
    del world.api.nodes["p1"]
    with pytest.raises(NotFound, match="no such node: p1"):
        await handle(reporter, world.regression)


async def test_the_first_results_of_a_branch_become_a_mail(
    world: World, reporter: Reporter
) -> None:
    await handle(reporter, world.tree.checkout)
    (node,) = world.mail_nodes
    revision = world.tree.checkout.data.kernel_revision
    assert revision is not None
    key = f"mail/tree/mainline/master/{revision.commit}/first"
    assert (node.idempotency_key, node.parent) == (key, "c2")


@pytest.mark.parametrize("last", ["c2", "b2", "k2"])
async def test_the_event_of_any_node_may_complete_the_summary(
    world: World, reporter: Reporter, last: str
) -> None:
    await handle(reporter, world.tree[last])
    assert len(world.mail_nodes) == 1


async def test_the_summary_waits_for_every_log(
    world: World, reporter: Reporter
) -> None:
    smoke = world.tree.smoke
    smoke.data.findings = None
    await handle(reporter, world.tree.checkout)
    assert not world.mail_nodes
    smoke.data.findings = []
    await handle(reporter, smoke)
    assert len(world.mail_nodes) == 1


async def test_an_unfinished_checkout_has_no_summary(
    world: World, reporter: Reporter
) -> None:
    world.tree.checkout.state = State.AVAILABLE
    await handle(reporter, world.tree.panic)
    assert not world.mail_nodes


@pytest.mark.parametrize(
    ("state", "branch", "mails"),
    [("done", "master", 0), ("running", "master", 0), ("done", "next", 1)],
)
async def test_only_the_first_checkout_of_a_branch_has_a_summary(
    world: World, reporter: Reporter, state: str, branch: str, mails: int
) -> None:
    first = world.tree.checkout
    assert first.data.kernel_revision is not None
    revision = first.data.kernel_revision.model_dump()
    older = make_node(
        "c1",
        "checkout",
        "checkout",
        treeid="c1",
        state=state,
        created=first.created.replace(hour=1),
        data={"kernel_revision": {**revision, "commit": "0" * 40, "branch": branch}},
    )
    world.api.put(older)
    await handle(reporter, first)
    assert len(world.mail_nodes) == mails


async def test_a_revision_with_lab_failures_only_has_no_summary(
    world: World, reporter: Reporter, tree: Tree
) -> None:
    for node in tree.nodes:
        if node.kind in ("kbuild", "job"):
            node.result = Result.INCOMPLETE
    await handle(reporter, tree.checkout)
    assert not world.mail_nodes


async def test_a_checkout_of_patches_has_no_summary(
    world: World, reporter: Reporter
) -> None:
    revision = world.tree.checkout.data.kernel_revision
    assert revision is not None
    revision.patchset = "a" * 64
    await handle(reporter, world.tree.checkout)
    assert not world.mail_nodes


async def test_an_event_of_a_mail_writes_no_mail(
    world: World, reporter: Reporter
) -> None:
    mail = make_node("m1", "process", "mail", parent="c2", result="pass")
    await handle(reporter, mail)
    assert not world.mail_nodes
