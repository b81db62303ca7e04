# SPDX-License-Identifier: LGPL-2.1-or-later
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared_fakes import a_node

from kci_shared.models import ErrorCode, Kind, Report, Result, State
from kci_shared.work import RunOutcome, TestOutcome
from kci_shared.work.report import refused_report, report_of

PATHS = st.lists(st.text(max_size=300), min_size=0, max_size=4).map(tuple)
TESTS = st.lists(
    st.builds(TestOutcome, PATHS, st.sampled_from(Result), st.text() | st.none())
)


def test_tests_hang_below_each_other_as_their_paths_say() -> None:
    node = a_node("1", arch="x86_64", compiler="gcc-12", definition={"artifacts": {}})
    tests = [
        TestOutcome(("uname",), Result.PASS),
        TestOutcome(("smoke",), Result.FAIL, "failed: b", ErrorCode.TEST),
        TestOutcome(("smoke", "a"), Result.PASS),
        TestOutcome(("smoke", "b"), Result.FAIL),
    ]
    outcome = RunOutcome(Result.FAIL, device="board-1", tests=tests)
    report = report_of(node, 7, outcome, {"log": "http://s/h/console.log"})
    uname, smoke = report.child_nodes
    assert [tree.node.name for tree in smoke.child_nodes] == ["a", "b"]
    assert (uname.node.kind, uname.node.state) == (Kind.TEST, State.DONE)
    facts = {"platform": "board", "runtime": "lab", "device": "board-1"}
    facts |= {"arch": "x86_64", "compiler": "gcc-12"}
    assert uname.node.data == facts
    assert smoke.node.data == facts | {"error_code": "Test", "error_msg": "failed: b"}
    assert (report.token, report.outcome.result) == (7, Result.FAIL)
    assert report.artifacts == {"log": "http://s/h/console.log"}


def test_results_nest_as_deep_as_their_paths() -> None:
    path = tuple(f"level-{number}" for number in range(18))
    outcome = RunOutcome(Result.PASS, tests=[TestOutcome(path, Result.PASS)])
    trees, names = report_of(a_node(), 1, outcome, {}).child_nodes, []
    while trees:
        [tree] = trees
        names.append(tree.node.name)
        trees = tree.child_nodes
    assert tuple(names) == path


def test_a_parent_that_nobody_judged_is_as_good_as_its_parts() -> None:
    tests = [
        TestOutcome(("suite", "a"), Result.PASS),
        TestOutcome(("suite", "b"), Result.FAIL),
    ]
    [suite] = report_of(
        a_node(), 1, RunOutcome(Result.FAIL, tests=tests), {}
    ).child_nodes
    assert suite.node.result is Result.FAIL


def test_of_two_verdicts_of_one_test_the_worse_counts() -> None:
    tests = [TestOutcome(("a",), Result.FAIL), TestOutcome(("a",), Result.PASS)]
    [a] = report_of(a_node(), 1, RunOutcome(Result.FAIL, tests=tests), {}).child_nodes
    assert a.node.result is Result.FAIL


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tests=TESTS)
def test_whatever_a_lab_says_makes_a_sound_report(tests: list[TestOutcome]) -> None:
    outcome = RunOutcome(Result.PASS, error_msg="x" * 9000, tests=tests)
    report = report_of(a_node(), 1, outcome, {})
    again = Report.model_validate_json(report.model_dump_json())
    assert again == report
    names = [tree.node.name for tree in report.child_nodes]
    assert len(set(names)) == len(names)


def test_a_refused_report_says_why() -> None:
    outcome = refused_report(3, "too deep").outcome
    assert outcome.error_code == ErrorCode.BUG
    assert "too deep" in (outcome.error_msg or "")
