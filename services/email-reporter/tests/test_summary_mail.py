# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the first results of a branch look like, and when there is nothing to say."""

from typing import Any

import pytest

from kci_email_reporter.runs import find_runs
from kci_email_reporter.summary_mail import summary_mail
from kci_shared.models import Node, Result


def coverage(nodes: dict[str, Node]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for run in find_runs(list(nodes.values())):
        key = (run.kind, run.verdict)
        found[key] = found.get(key, 0) + 1
    return found


def body_of(scene: Any, nodes: dict[str, Node]) -> str:
    mail = summary_mail(nodes["c2"], list(nodes.values()), scene.head)  # type: ignore[arg-type]
    assert mail is not None
    return mail.body


def all_passing(scene: Any) -> dict[str, Node]:
    nodes: dict[str, Node] = scene.tree()
    for node in nodes.values():
        node.result = Result.PASS
        node.data.__pydantic_extra__ = {}
        if hasattr(node.data, "findings"):
            node.data.findings = []
    return nodes


def test_the_first_results_of_a_branch(scene: Any, golden: Any) -> None:
    nodes = scene.tree()
    mail = summary_mail(nodes["c2"], list(nodes.values()), scene.head)
    assert mail is not None
    golden("summary.eml", mail)


def test_a_revision_without_a_fault(scene: Any, golden: Any) -> None:
    nodes = all_passing(scene)
    mail = summary_mail(nodes["c2"], list(nodes.values()), scene.head)  # type: ignore[arg-type]
    assert mail is not None
    assert mail.subject.endswith("first results: 0 fail, 5 pass")
    assert "Failed" not in mail.body
    golden("summary-pass.eml", mail)


def test_each_verdict_counts_once(scene: Any) -> None:
    assert coverage(scene.tree()) == {
        ("build", "pass"): 1,
        ("boot", "pass"): 1,
        ("boot", "fail"): 1,
        ("test", "pass"): 1,  # uname
        ("test", "fail"): 1,  # proc-mounted, and nothing for what contains it
    }


def test_of_a_repeated_job_the_last_attempt_counts(scene: Any) -> None:
    nodes = scene.tree()
    first = nodes["b2"].model_copy(update={"id": "b1", "result": Result.INCOMPLETE})
    nodes["b1"] = first
    nodes["b2"].retry_counter = 1
    assert coverage(nodes) == coverage(scene.tree())


def test_a_run_that_did_not_come_to_its_end_says_nothing(scene: Any) -> None:
    nodes = scene.tree()
    nodes["s2"].result = Result.INCOMPLETE
    found = coverage(nodes)
    assert found["test", "none"] == 3  # its two tests, and the run itself
    assert ("test", "fail") not in found
    assert "proc-mounted" not in body_of(scene, nodes)


def test_a_run_that_failed_without_a_failing_test_is_a_failure(scene: Any) -> None:
    nodes = scene.tree()
    nodes["t2"].result = nodes["t3"].result = Result.PASS
    assert coverage(nodes)["test", "fail"] == 1


@pytest.mark.parametrize("kept", [["c2"], ["c2", "k2", "b2", "b3", "s2"]])
def test_nothing_judged_is_nothing_to_write(scene: Any, kept: list[str]) -> None:
    nodes = {key: node for key, node in scene.tree().items() if key in kept}
    for key, node in nodes.items():
        node.result = None if key == "c2" else Result.INCOMPLETE
    assert summary_mail(nodes["c2"], list(nodes.values()), scene.head) is None


def test_lab_trouble_is_not_blamed_on_the_kernel(scene: Any) -> None:
    nodes = all_passing(scene)
    for key in ("b2", "b3", "s2"):
        nodes[key].result = Result.INCOMPLETE
    body = " ".join(body_of(scene, nodes).split())
    assert "Nothing fails. Passing: 1 build." in body
    assert "Not judged: 2 boots, 3 tests; they ended without a word" in body


def test_long_lists_are_cut_and_say_so(scene: Any) -> None:
    nodes = scene.tree()
    for number in range(100):
        for key in ("b2", "b3"):
            node = nodes[key].model_copy(deep=True)
            node.id, node.data.platform = f"{key}-{number}", f"board-{number}"
            nodes[node.id] = node
    body = body_of(scene, nodes)
    assert "... and 82 more" in body  # 101 boots and a test, 20 of them listed
    assert "... and 63 more" in body  # a build, 101 boots and a group of tests
    assert len(body) < 40 * 1024
    assert max(len(line) for line in body.splitlines()) <= 76
