# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole submissions, each judged by KCIDB's own schema."""

import json
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kcidb_io.schema import LATEST

from kci_kcidb_bridge.issues import regression_rows
from kci_kcidb_bridge.report import rows_of
from kci_kcidb_bridge.rows import report
from kci_shared.models import NODE, Node, Regression, Test

GOLDEN = Path(__file__).parent / "golden"


class Tree(Protocol):
    def __getitem__(self, name: str) -> dict[str, Any]: ...
    def node(self, name: str) -> Node: ...
    def add(self, kind: str, name: str, parent: str, **fields: Any) -> None: ...


def submission(tree: Tree, *line: str, tests: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what is sent for a node, given with its ancestors."""
    below = [test for test in map(tree.node, tests) if isinstance(test, Test)]
    rows = rows_of("demo", [tree.node(name) for name in line], below)
    return accepted(report(rows))


def accepted(body: bytes) -> dict[str, Any]:
    """Return a report that KCIDB's schema allows and its database survives."""
    said: dict[str, Any] = json.loads(body)
    LATEST.validate(said)
    assert "\\u0000" not in json.dumps(said)
    assert all("start_time" in row for row in said.get("checkouts", []))
    return said


def boot(tree: Tree) -> dict[str, Any]:
    """Return the row of the boot."""
    row: dict[str, Any] = submission(tree, "boot", "build", "checkout")["tests"][0]
    return row


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def test_a_panic_is_a_failure_with_its_issue_and_incident(panic: Tree) -> None:
    assert submission(panic, "boot", "build", "checkout") == golden("panic")


def test_a_board_without_power_is_an_error_and_nobodys_issue(no_power: Tree) -> None:
    assert submission(no_power, "boot", "build", "checkout") == golden("no_power")


def test_a_job_and_its_tests_are_one_tree_of_paths(smoke: Tree) -> None:
    said = submission(
        smoke,
        *("smoke", "boot", "build", "checkout"),
        tests=("uname", "mounts", "proc-mounted"),
    )
    assert {row["path"]: row["status"] for row in said["tests"]} == {
        "smoke": "PASS",
        "smoke.uname": "PASS",
        "smoke.mounts": "PASS",
        "smoke.mounts.proc-mounted": "PASS",
    }


def test_one_boot_is_one_boot(tree: Tree) -> None:
    said = submission(tree, "boot", "build", "checkout")
    assert [row["path"] for row in said["tests"]] == ["boot"]


def test_the_same_nodes_are_the_same_bytes(panic: Tree) -> None:
    line = [panic.node(name) for name in ("boot", "build", "checkout")]
    assert report(rows_of("demo", line, [])) == report(rows_of("demo", line, []))


def test_a_test_does_not_take_over_artifacts(smoke: Tree) -> None:
    smoke["uname"]["artifacts"] = {"trace": "http://storage/aa/trace"}
    said = submission(smoke, "smoke", "boot", "build", "checkout", tests=("uname",))
    job, test = said["tests"]
    assert "output_files" not in job
    assert test["output_files"] == [{"name": "trace", "url": "http://storage/aa/trace"}]
    assert "log_url" not in test


def test_a_checkout_that_failed_says_so(tree: Tree) -> None:
    tree["checkout"]["result"] = "fail"
    said = {"error_code": "git_checkout_failure", "error_msg": "no such branch\0"}
    tree["checkout"]["data"] |= said
    tree["checkout"]["artifacts"] = {"log": "https://storage/aa/git.log"}
    row = submission(tree, "checkout")["checkouts"][0]
    assert row["valid"] is False
    assert row["log_url"] == "https://storage/aa/git.log"
    assert row["misc"] == {**said, "error_msg": "no such branch"}


def test_a_checkout_without_a_revision_is_still_a_checkout(tree: Tree) -> None:
    tree["checkout"]["data"] = {}
    assert submission(tree, "checkout")["checkouts"][0]["valid"] is True


@pytest.mark.parametrize(
    ("patchset", "said"), [(None, ""), ("", ""), ("a" * 64, "a" * 64), ("v2", None)]
)
def test_a_patched_kernel_is_not_taken_for_a_plain_one(
    tree: Tree, patchset: str | None, said: str | None
) -> None:
    revision = tree["checkout"]["data"]["kernel_revision"]
    tree["checkout"]["data"] = {"kernel_revision": {**revision, "patchset": patchset}}
    row = submission(tree, "checkout")["checkouts"][0]
    assert row.get("patchset_hash") == said


def test_a_commit_that_kcidb_cannot_name_is_left_out(tree: Tree) -> None:
    revision = tree["checkout"]["data"]["kernel_revision"]
    tree["checkout"]["data"] = {"kernel_revision": {**revision, "commit": "a" * 64}}
    row = submission(tree, "checkout")["checkouts"][0]
    assert "git_commit_hash" not in row


def test_a_build_that_is_not_final_has_no_verdict_yet(tree: Tree) -> None:
    tree["build"]["state"] = "available"
    row = submission(tree, "boot", "build", "checkout")["builds"][0]
    assert row["architecture"] == "x86_64"
    assert not {"status", "config_url", "output_files", "misc"} & set(row)


def test_a_build_tells_what_its_log_shows(tree: Tree) -> None:
    tree["build"]["result"] = "fail"
    tree["build"]["artifacts"]["build_log"] = "https://storage/aa/build.log"
    found = {"kind": "error", "severity": "fault", "headline": "x.c: no such file"}
    place = {"line": 7, "signature": "00ff"}
    tree["build"]["data"] = {"findings": [{**found, **place}]}
    said = submission(tree, "build", "checkout")
    assert said["builds"][0]["status"] == "FAIL"
    assert said["builds"][0]["log_excerpt"] == "x.c: no such file"
    assert said["issues"][0]["categories"] == ["build.error"]
    assert said["incidents"][0]["build_id"] == said["builds"][0]["id"]


def test_a_measurement_is_a_number(smoke: Tree) -> None:
    data = {"misc": {"measurement": 31.5}, "duration": 12}
    smoke.add("test", "coverage.lines", "smoke", result=None, data=data)
    line = ("smoke", "boot", "build", "checkout")
    row = submission(smoke, *line, tests=("coverage.lines",))["tests"][1]
    assert row["path"] == "smoke.coverage_lines"
    assert row["number"] == {"value": 31.5}
    assert row["duration"] == 12
    assert row["status"] == "DONE"


def test_a_measurement_as_lava_has_it_keeps_its_unit(tree: Tree) -> None:
    tree["boot"]["data"] |= {"misc": {"measurement": {"value": 7, "unit": "MB/s\0"}}}
    assert boot(tree)["number"] == {"value": 7, "unit": "MB/s"}
    tree["boot"]["data"] |= {"misc": {"measurement": {"value": 7, "unit": ["s"]}}}
    assert boot(tree)["number"] == {"value": 7}


@pytest.mark.parametrize(
    "value", [True, "12", float("nan"), float("inf"), 10**400, {"unit": "s"}]
)
def test_what_is_no_number_is_not_sent_as_one(tree: Tree, value: object) -> None:
    tree["boot"]["data"] |= {"misc": {"measurement": value}, "duration": value}
    assert not {"number", "duration"} & set(boot(tree))


def test_what_needs_no_build_hangs_on_one_that_stands_for_none(tree: Tree) -> None:
    tree.add("job", "kunit", "checkout", data={"arch": "arm64"})
    said = submission(tree, "kunit", "checkout")
    assert said["builds"][0]["id"].startswith("demo:dummy_0000")
    assert said["tests"][0]["build_id"] == said["builds"][0]["id"]


def test_a_test_of_other_work_hangs_on_the_build(tree: Tree) -> None:
    tree.add("process", "coverage-report-x86", "build")
    tree.add("test", "coverage.lines", "coverage-report-x86")
    line = ("coverage.lines", "coverage-report-x86", "build", "checkout")
    row = submission(tree, *line)["tests"][0]
    assert row["path"] == "coverage-report-x86.coverage_lines"


def test_a_test_right_below_a_build_has_its_own_name(tree: Tree) -> None:
    tree.add("test", "size", "build")
    row = submission(tree, "size", "build", "checkout")["tests"][0]
    assert row["path"] == "size"


def test_what_hangs_below_no_checkout_is_not_sent(tree: Tree) -> None:
    assert rows_of("demo", [tree.node("boot")], []) == []


def test_a_regression_is_the_same_issue_each_time(panic: Tree) -> None:
    first, again = (regression(panic, pass_node) for pass_node in ("p" * 24, "q" * 24))
    assert first["issues"] == again["issues"]
    issue, incident = first["issues"][0], first["incidents"][0]
    assert issue["categories"] == ["regression"]
    assert issue["comment"] == "boot fails: mainline master qemu-x86 x86_64"
    assert incident["issue_id"] == issue["id"]
    assert incident["test_id"] == f"demo:{panic['boot']['id']}"
    assert incident["misc"]["regression"]["pass_node"] == "p" * 24


def regression(tree: Tree, pass_node: str) -> dict[str, Any]:
    failed = tree.node("boot")
    data = {
        "fail_node": failed.id,
        "pass_node": pass_node,
        "node_sequence": [pass_node, failed.id],
        "failed_kernel_revision": tree["checkout"]["data"]["kernel_revision"],
        "platform": "qemu-x86",
        "arch": "x86_64",
    }
    said = {**tree["boot"], "kind": "regression", "parent": None, "data": data}
    node = NODE.validate_python(said)
    assert isinstance(node, Regression)
    return accepted(report(regression_rows("demo", node, failed, failed)))


HOSTILE = st.text(
    'aZ0._-:/ \0\n\r\t\\"#%[?@\ud800\udfffé\u202e\U0001f600', min_size=1, max_size=9
)
URLS = HOSTILE.map("https://h/".__add__)
MAYBE = st.none() | HOSTILE
FINDINGS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": HOSTILE,
            "severity": HOSTILE,
            "headline": HOSTILE,
            "signature": HOSTILE,
            "line": st.integers(1, 10**9),
            "excerpt": st.lists(HOSTILE | st.just("x" * 9000), max_size=4),
            "url": MAYBE,
        }
    ),
    max_size=2,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_kcidb_takes_whatever_a_stranger_says(smoke: Tree, data: st.DataObject) -> None:
    draw = data.draw
    revision: dict[str, str | None]
    revision = {key: draw(HOSTILE) for key in ("tree", "url", "branch", "commit")}
    revision |= {"describe": draw(MAYBE), "commit_message": draw(MAYBE)}
    smoke["checkout"]["data"] = {
        "kernel_revision": {**revision, "commit_tags": [draw(HOSTILE)]},
        "error_msg": draw(MAYBE),
    }
    build = {key: draw(MAYBE) for key in ("arch", "compiler", "config_full")}
    smoke["build"]["data"] = {**build, "findings": draw(FINDINGS)}
    smoke["build"]["artifacts"] = {draw(HOSTILE): draw(URLS), "_config": draw(URLS)}
    facts = {key: draw(MAYBE) for key in ("platform", "runtime", "error_msg")}
    smoke["smoke"]["data"] = {**facts, "findings": draw(FINDINGS)}
    smoke["smoke"]["artifacts"] = {"log": draw(URLS), draw(HOSTILE): draw(URLS)}
    for name in ("uname", "mounts", "proc-mounted"):
        path = [*smoke["smoke"]["path"], draw(HOSTILE), draw(HOSTILE)]
        smoke[name].update(path=path, data={"findings": draw(FINDINGS)})
    said = submission(
        smoke,
        *("smoke", "boot", "build", "checkout"),
        tests=("uname", "mounts", "proc-mounted"),
    )
    assert len(said["tests"]) == 4
