# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole reports, each validated by KCIDB's own schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kcidb_bridge_fakes import Fields, Tree
from kcidb_io.schema import LATEST

from kci_kcidb_bridge.issues import regression_rows
from kci_kcidb_bridge.report import rows_of, serialize
from kci_shared.models import NODE, Regression, Test

GOLDEN = Path(__file__).parent / "golden"


Report = dict[str, Any]


def report_of(tree: Tree, *lineage: str, tests: tuple[str, ...] = ()) -> Report:
    """Return the report of a node, which is given with its ancestors."""
    below = [test for test in map(tree.node, tests) if isinstance(test, Test)]
    rows = rows_of("demo", [tree.node(name) for name in lineage], below)
    return accepted(serialize(rows))


def accepted(body: bytes) -> Report:
    """Return a report, after the checks of KCIDB's schema and of its database."""
    report: Report = json.loads(body)
    LATEST.validate(report)
    assert "\\u0000" not in json.dumps(report)
    assert all("start_time" in row for row in report.get("checkouts", []))
    return report


def checkout_row(tree: Tree) -> Fields:
    row: Fields = report_of(tree, "checkout")["checkouts"][0]
    return row


def boot_row(tree: Tree) -> Fields:
    row: Fields = report_of(tree, "boot", "build", "checkout")["tests"][0]
    return row


def golden(name: str) -> Report:
    report: Report = json.loads((GOLDEN / f"{name}.json").read_text())
    return report


def test_a_panic_is_a_failure_with_issue_and_incident(panic: Tree) -> None:
    assert report_of(panic, "boot", "build", "checkout") == golden("panic")


def test_a_board_without_power_is_an_error_without_issue(no_power: Tree) -> None:
    assert report_of(no_power, "boot", "build", "checkout") == golden("no_power")


def test_a_job_and_its_tests_are_one_tree_of_paths(smoke: Tree) -> None:
    report = report_of(
        smoke,
        *("smoke", "boot", "build", "checkout"),
        tests=("uname", "mounts", "proc-mounted"),
    )
    assert {row["path"]: row["status"] for row in report["tests"]} == {
        "smoke": "PASS",
        "smoke.uname": "PASS",
        "smoke.mounts": "PASS",
        "smoke.mounts.proc-mounted": "PASS",
    }


def test_a_boot_is_one_row(tree: Tree) -> None:
    report = report_of(tree, "boot", "build", "checkout")
    assert [row["path"] for row in report["tests"]] == ["boot"]


def test_equal_nodes_give_equal_bytes(panic: Tree) -> None:
    line = [panic.node(name) for name in ("boot", "build", "checkout")]
    first, second = (serialize(rows_of("demo", line, [])) for _ in range(2))
    assert first == second


def test_a_test_has_its_own_artifacts_only(smoke: Tree) -> None:
    smoke["uname"]["artifacts"] = {"trace": "http://storage/aa/trace"}
    report = report_of(smoke, "smoke", "boot", "build", "checkout", tests=("uname",))
    job, test = report["tests"]
    assert "output_files" not in job
    assert test["output_files"] == [{"name": "trace", "url": "http://storage/aa/trace"}]
    assert "log_url" not in test


def test_a_failed_checkout_is_not_valid(tree: Tree) -> None:
    tree["checkout"]["result"] = "fail"
    error = {"error_code": "git_checkout_failure", "error_msg": "no such branch\0"}
    tree["checkout"]["data"] |= error
    tree["checkout"]["artifacts"] = {"log": "https://storage/aa/git.log"}
    row = checkout_row(tree)
    assert row["valid"] is False
    assert row["log_url"] == "https://storage/aa/git.log"
    assert row["misc"] == {**error, "error_msg": "no such branch"}


def test_a_checkout_without_a_revision_is_submitted(tree: Tree) -> None:
    tree["checkout"]["data"] = {}
    assert checkout_row(tree)["valid"] is True


@pytest.mark.parametrize(
    ("patchset", "expected"),
    [(None, ""), ("", ""), ("a" * 64, "a" * 64), ("v2", None)],
)
def test_a_patched_revision_differs_from_its_base(
    tree: Tree, patchset: str | None, expected: str | None
) -> None:
    revision = tree["checkout"]["data"]["kernel_revision"]
    tree["checkout"]["data"] = {"kernel_revision": {**revision, "patchset": patchset}}
    row = checkout_row(tree)
    assert row.get("patchset_hash") == expected


def test_a_commit_that_is_no_sha1_is_left_out(tree: Tree) -> None:
    revision = tree["checkout"]["data"]["kernel_revision"]
    tree["checkout"]["data"] = {"kernel_revision": {**revision, "commit": "a" * 64}}
    row = checkout_row(tree)
    assert "git_commit_hash" not in row


def test_a_build_that_is_not_final_has_no_status(tree: Tree) -> None:
    tree["build"]["state"] = "available"
    row = report_of(tree, "boot", "build", "checkout")["builds"][0]
    assert row["architecture"] == "x86_64"
    assert not {"status", "config_url", "output_files", "misc"} & set(row)


def test_a_failed_build_has_the_faults_of_its_log(tree: Tree) -> None:
    tree["build"]["result"] = "fail"
    tree["build"]["artifacts"]["build_log"] = "https://storage/aa/build.log"
    finding = {
        "kind": "error",
        "severity": "fault",
        "headline": "x.c: no such file",
        "line": 7,
        "signature": "00ff",
    }
    tree["build"]["data"] = {"findings": [finding]}
    report = report_of(tree, "build", "checkout")
    assert report["builds"][0]["status"] == "FAIL"
    assert report["builds"][0]["log_excerpt"] == "x.c: no such file"
    assert report["issues"][0]["categories"] == ["build.error"]
    assert report["incidents"][0]["build_id"] == report["builds"][0]["id"]


def test_a_measurement_is_a_number(smoke: Tree) -> None:
    data = {"misc": {"measurement": 31.5}, "duration": 12}
    smoke.add("test", "coverage.lines", "smoke", result=None, data=data)
    line = ("smoke", "boot", "build", "checkout")
    row = report_of(smoke, *line, tests=("coverage.lines",))["tests"][1]
    assert row["path"] == "smoke.coverage_lines"
    assert row["number"] == {"value": 31.5}
    assert row["duration"] == 12
    assert row["status"] == "DONE"


def test_a_measurement_of_lava_keeps_its_unit(tree: Tree) -> None:
    tree["boot"]["data"] |= {"misc": {"measurement": {"value": 7, "unit": "MB/s\0"}}}
    assert boot_row(tree)["number"] == {"value": 7, "unit": "MB/s"}
    tree["boot"]["data"] |= {"misc": {"measurement": {"value": 7, "unit": ["s"]}}}
    assert boot_row(tree)["number"] == {"value": 7}


@pytest.mark.parametrize(
    "value", [True, "12", float("nan"), float("inf"), 10**400, {"unit": "s"}]
)
def test_only_finite_numbers_are_measurements(tree: Tree, value: object) -> None:
    tree["boot"]["data"] |= {"misc": {"measurement": value}, "duration": value}
    assert not {"number", "duration"} & set(boot_row(tree))


def test_a_job_without_a_build_gets_a_placeholder_build(tree: Tree) -> None:
    tree.add("job", "kunit", "checkout", data={"arch": "arm64"})
    report = report_of(tree, "kunit", "checkout")
    assert report["builds"][0]["id"].startswith("demo:dummy_0000")
    assert report["tests"][0]["build_id"] == report["builds"][0]["id"]


def test_a_test_of_a_process_belongs_to_the_build(tree: Tree) -> None:
    tree.add("process", "coverage-report-x86", "build")
    tree.add("test", "coverage.lines", "coverage-report-x86")
    line = ("coverage.lines", "coverage-report-x86", "build", "checkout")
    row = report_of(tree, *line)["tests"][0]
    assert row["path"] == "coverage-report-x86.coverage_lines"


def test_a_test_directly_below_a_build_has_its_name_as_path(tree: Tree) -> None:
    tree.add("test", "size", "build")
    row = report_of(tree, "size", "build", "checkout")["tests"][0]
    assert row["path"] == "size"


def test_a_node_without_a_checkout_has_no_rows(tree: Tree) -> None:
    assert rows_of("demo", [tree.node("boot")], []) == []


def test_a_regression_has_the_same_issue_each_time(panic: Tree) -> None:
    first, again = (regression(panic, pass_node) for pass_node in ("p" * 24, "q" * 24))
    assert first["issues"] == again["issues"]
    issue, incident = first["issues"][0], first["incidents"][0]
    assert issue["categories"] == ["regression"]
    assert issue["comment"] == "boot fails: mainline master qemu-x86 x86_64"
    assert incident["issue_id"] == issue["id"]
    assert incident["test_id"] == f"demo:{panic['boot']['id']}"
    assert incident["misc"]["regression"]["pass_node"] == "p" * 24


def regression(tree: Tree, pass_node: str) -> Report:
    failed = tree.node("boot")
    data = {
        "fail_node": failed.id,
        "pass_node": pass_node,
        "node_sequence": [pass_node, failed.id],
        "failed_kernel_revision": tree["checkout"]["data"]["kernel_revision"],
        "platform": "qemu-x86",
        "arch": "x86_64",
    }
    fields = {**tree["boot"], "kind": "regression", "parent": None, "data": data}
    node = NODE.validate_python(fields)
    assert isinstance(node, Regression)
    return accepted(serialize(regression_rows("demo", node, failed, failed)))


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
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_kcidb_accepts_rows_of_hostile_nodes(smoke: Tree, data: st.DataObject) -> None:
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
    report = report_of(
        smoke,
        *("smoke", "boot", "build", "checkout"),
        tests=("uname", "mounts", "proc-mounted"),
    )
    assert len(report["tests"]) == 4
