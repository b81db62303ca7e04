# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail on the first results of a branch, and when none is sent."""

from collections import Counter
from collections.abc import Callable

import pytest
from email_reporter_fakes import HEAD, Tree

from kci_email_reporter.labels import ReportType
from kci_email_reporter.mail import Mail
from kci_email_reporter.runs import find_runs
from kci_email_reporter.summary_mail import summary_mail
from kci_shared.models import Job, Kbuild, Result

Golden = Callable[[str, Mail], None]


def counts(tree: Tree) -> Counter[tuple[ReportType, Result | None]]:
    return Counter((run.type, run.verdict) for run in find_runs(tree.nodes))


def mail_of(tree: Tree) -> Mail:
    mail = summary_mail(tree.checkout, tree.nodes, HEAD)
    assert mail is not None
    return mail


@pytest.fixture
def passing(tree: Tree) -> Tree:
    """The revision, as if everything had passed."""
    for node in tree.nodes:
        node.result = Result.PASS
        node.data.error_msg = None
        if isinstance(node, Kbuild | Job):
            node.data.findings = []
    return tree


def test_the_first_results_of_a_branch(tree: Tree, golden: Golden) -> None:
    golden("summary.eml", mail_of(tree))


def test_a_revision_without_a_failure(passing: Tree, golden: Golden) -> None:
    mail = mail_of(passing)
    assert mail.subject.endswith("first results: 0 fail, 5 pass")
    assert "Failed" not in mail.body
    golden("summary-pass.eml", mail)


def test_each_run_counts_once(tree: Tree) -> None:
    assert counts(tree) == {
        (ReportType.BUILD, Result.PASS): 1,
        (ReportType.BOOT, Result.PASS): 1,
        (ReportType.BOOT, Result.FAIL): 1,
        (ReportType.TEST, Result.PASS): 1,  # uname
        (ReportType.TEST, Result.FAIL): 1,  # proc-mounted, but not what contains it
    }


def test_of_a_repeated_job_the_last_attempt_counts(tree: Tree) -> None:
    first = tree.panic.model_copy(update={"id": "b1", "result": Result.INCOMPLETE})
    tree.put(first)
    tree.panic.retry_counter = 1
    assert counts(tree) == counts(Tree())


def test_tests_of_an_incomplete_job_have_no_verdict(tree: Tree) -> None:
    tree.smoke.result = Result.INCOMPLETE
    found = counts(tree)
    assert found[ReportType.TEST, None] == 3  # its two tests, and the job itself
    assert (ReportType.TEST, Result.FAIL) not in found
    assert "proc-mounted" not in mail_of(tree).body


def test_a_failed_job_without_a_failed_test_is_a_failure(tree: Tree) -> None:
    tree["t2"].result = tree["t3"].result = Result.PASS
    assert counts(tree)[ReportType.TEST, Result.FAIL] == 1


def test_a_failed_test_whose_subtests_passed_is_a_failure(tree: Tree) -> None:
    tree["t3"].result = Result.PASS
    assert counts(tree)[ReportType.TEST, Result.FAIL] == 1
    assert "] test   smoke.smoke  x86_64" in mail_of(tree).body


@pytest.mark.parametrize("kept", [["c2"], ["c2", "k2", "b2", "b3", "s2"]])
def test_without_any_verdict_there_is_no_mail(tree: Tree, kept: list[str]) -> None:
    tree.by_id = {node_id: tree[node_id] for node_id in kept}
    for node in tree.nodes:
        node.result = None if node.id == "c2" else Result.INCOMPLETE
    assert summary_mail(tree.checkout, tree.nodes, HEAD) is None


def test_lab_failures_are_not_blamed_on_the_kernel(passing: Tree) -> None:
    for node_id in ("b2", "b3", "s2"):
        passing[node_id].result = Result.INCOMPLETE
    body = " ".join(mail_of(passing).body.split())
    assert "Nothing fails. Passing: 1 build." in body
    assert "No verdict: 2 boots, 3 tests; they do not count" in body


def test_long_lists_end_with_the_number_left_out(tree: Tree) -> None:
    for boot in (tree.panic, tree["b3"]):
        for number in range(100):
            copy = boot.model_copy(deep=True)
            assert isinstance(copy, Job)
            copy.id, copy.data.platform = f"{boot.id}-{number}", f"board-{number}"
            tree.put(copy)
    body = mail_of(tree).body
    assert "... and 82 more" in body  # 101 boots and a test, 20 of them listed
    assert "... and 63 more" in body  # a build, 101 boots and a group of tests
    assert len(body) < 40 * 1024
    assert max(len(line) for line in body.splitlines()) <= 76
