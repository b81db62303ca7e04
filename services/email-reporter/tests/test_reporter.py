# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which events become a mail, and that each becomes one only."""

from typing import Any

import pytest

from kci_email_reporter.reporter import Reporter
from kci_shared.errors import Conflict, NotFound, NotYet
from kci_shared.models import NODE, NewNode, Node, Result, State


@pytest.fixture
def api(scene: Any) -> Any:
    """The failing revision, and the regression of its boot."""
    nodes = scene.tree()
    return scene.api([*nodes.values(), *scene.regression(nodes["b2"])])


@pytest.fixture
def reporter(api: Any, scene: Any) -> Reporter:
    return Reporter(api, api, scene.settings(mail_to=["results@ci.example.org"]))


async def hear(reporter: Reporter, scene: Any, *nodes: Node) -> None:
    for node in nodes:
        await reporter.on_event(scene.event_of(node))


async def test_a_regression_becomes_a_mail_that_waits_for_its_sender(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    regression = api.nodes["9f01c3aa77d0e412"]
    await hear(reporter, scene, regression)
    (node,) = api.created.values()
    assert (node.kind, node.name, node.parent) == ("process", "mail", regression.id)
    assert node.state is State.RUNNING
    assert node.idempotency_key == "mail/regression/9f01c3aa77d0e412/new/1"
    assert node.data["runtime"] == "email"
    assert node.data["platform"] == "smtp"
    assert node.data["to"] == ["results@ci.example.org"]
    assert node.data["message_id"] == "<kci.reg.8858c5bf23f333a4.1@ci.example.org>"
    assert node.data["subject"].startswith("[REGRESSION] mainline/master: boot:")
    assert node.timeout is not None
    assert f"Message-ID: {node.data['message_id']}\r\n" in api.mails[0]
    assert "[    1.500000] Kernel panic - not syncing" in api.mails[0]
    assert "https://s.example/l/console.log#L321" in api.mails[0]


async def test_events_that_come_again_write_nothing_again(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    nodes = [api.nodes["9f01c3aa77d0e412"], api.nodes["c2"]]
    await hear(reporter, scene, *nodes, *nodes)
    assert len(api.created) == 2
    assert len(api.stored) == 2


async def test_two_replicas_write_one_mail(api: Any, scene: Any) -> None:
    class Slow(type(api)):  # type: ignore[misc]
        async def find(self, **filters: Any) -> list[Node]:
            """See nothing of what the other replica does meanwhile."""
            return []

        async def create(self, node: NewNode) -> Node:
            if node.idempotency_key in self.created:
                raise Conflict("the key is taken")
            made: Node = await super().create(node)
            return made

    slow = Slow(list(api.nodes.values()))
    for _ in range(2):
        replica = Reporter(slow, slow, scene.settings())
        await hear(replica, scene, api.nodes["9f01c3aa77d0e412"])
    assert len(slow.created) == 1
    assert len(set(slow.stored.values())) == 1


async def test_a_regression_waits_until_its_log_was_read(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    api.nodes["b2"].data.findings = None
    with pytest.raises(NotYet, match="job b2 is not settled"):
        await hear(reporter, scene, api.nodes["9f01c3aa77d0e412"])
    assert not api.stored


@pytest.mark.parametrize("key", ["b2", "k2"])
async def test_trouble_in_the_lab_is_never_mailed_as_a_regression(
    api: Any, reporter: Reporter, scene: Any, key: str
) -> None:
    api.nodes[key].result = Result.INCOMPLETE
    await hear(reporter, scene, api.nodes["9f01c3aa77d0e412"])
    assert not api.created


async def test_a_regression_that_is_over_is_not_mailed(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    api.nodes["9f01c3aa77d0e412"].result = Result.PASS
    await hear(reporter, scene, api.nodes["9f01c3aa77d0e412"])
    assert not api.created


@pytest.mark.parametrize("was_told", [True, False])
async def test_the_end_of_a_regression_answers_the_mail_that_told_of_it(
    api: Any, reporter: Reporter, scene: Any, was_told: bool
) -> None:
    regression = api.nodes["9f01c3aa77d0e412"]
    if was_told:
        await hear(reporter, scene, regression)
    entry = {"at": "t", "who": "regression-tracker", "old": "new", "new": "fixed"}
    end = {"status": "fixed", "fixed_node": "k1", "history": [entry]}
    data = {**regression.data.model_dump(), **end}
    over = {**regression.model_dump(), "result": "pass", "data": data}
    api.nodes[regression.id] = NODE.validate_python(over)
    api.nodes["k1"] = api.nodes["p1"]
    await hear(reporter, scene, regression, regression)
    assert len(api.created) == (2 if was_told else 0)
    if was_told:
        first, last = api.created.values()
        assert last.idempotency_key == "mail/regression/9f01c3aa77d0e412/fixed/1"
        assert last.data["subject"] == f"Re: {first.data['subject']}"
        for header in ("In-Reply-To", "References"):
            assert f"{header}: {first.data['message_id']}\r\n" in api.mails[1]
        assert "X-Kernelci-Regression-State: fixed\r\n" in api.mails[1]
        assert "boots again on mainline/master." in api.mails[1].replace("\r\n", " ")


async def test_a_regression_without_its_nodes_cannot_be_reported(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    del api.nodes["p1"]
    with pytest.raises(NotFound, match="there is no node p1"):
        await hear(reporter, scene, api.nodes["9f01c3aa77d0e412"])


async def test_the_first_results_of_a_branch_become_a_mail(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    await hear(reporter, scene, api.nodes["c2"])
    (node,) = api.created.values()
    commit = api.nodes["c2"].data.kernel_revision.commit
    assert node.idempotency_key == f"mail/tree/mainline/master/{commit}/first"
    assert node.parent == "c2"


@pytest.mark.parametrize("last", ["c2", "b2", "k2"])
async def test_whichever_node_is_the_last_brings_the_summary(
    api: Any, reporter: Reporter, scene: Any, last: str
) -> None:
    await hear(reporter, scene, api.nodes[last])
    assert len(api.created) == 1


async def test_the_summary_waits_for_every_log(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    api.nodes["s2"].data.findings = None
    await hear(reporter, scene, api.nodes["c2"])
    assert not api.created
    api.nodes["s2"].data.findings = []
    await hear(reporter, scene, api.nodes["s2"])
    assert len(api.created) == 1


async def test_a_revision_under_way_has_no_summary(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    api.nodes["c2"].state = State.AVAILABLE
    await hear(reporter, scene, api.nodes["b2"])
    assert not api.created


@pytest.mark.parametrize(
    ("older", "mails"), [({}, 0), ({"state": "running"}, 0), ({"branch": "next"}, 1)]
)
async def test_only_the_first_revision_of_a_branch_has_a_summary(
    api: Any, reporter: Reporter, scene: Any, older: dict[str, str], mails: int
) -> None:
    first = api.nodes["c2"]
    revision = {**first.data.kernel_revision.model_dump(), "commit": "0" * 40}
    revision["branch"] = older.get("branch", "master")
    api.nodes["c1"] = scene.node(
        *("c1", "checkout", "checkout"),
        treeid="c1",
        state=older.get("state", "done"),
        created=first.created.replace(hour=1),
        data={"kernel_revision": revision},
    )
    await hear(reporter, scene, first)
    assert len(api.created) == mails


async def test_a_revision_that_only_saw_lab_trouble_has_no_summary(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    for node in api.nodes.values():
        if node.kind in ("kbuild", "job"):
            node.result = Result.INCOMPLETE
    await hear(reporter, scene, api.nodes["c2"])
    assert not api.created


async def test_its_own_mails_are_none_of_its_business(
    api: Any, reporter: Reporter, scene: Any
) -> None:
    mail = scene.node("m1", "process", "mail", parent="c2", result="pass")
    await hear(reporter, scene, mail)
    assert not api.created
