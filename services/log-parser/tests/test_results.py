# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test results in logs, behind whatever consoles and labs print before them."""

import json
from pathlib import Path

import pytest

from kci_log_parser.command_output import read_log
from kci_log_parser.scanner import LogScanner
from kci_shared.rules.results import ResultReader

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
NESTED = [
    "KTAP version 1",
    "1..1",
    "    KTAP version 1",
    "    1..2",
    "    ok 1 test_1",
    "    ok 2 test_2 # SKIP",
    "ok 1 suite",
]


def read(log: str) -> dict[str, str]:
    shown = read_log(iter([log.encode()]))
    return {test.name: str(test.result) for test in shown.tests}


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "[   12.345678] ",
        "<6>[    1.234567] ",
        "[    1.234567][    T1] ",
        "kern  :info  : ",
        "2026-01-02T03:04:05.678901Z ",
    ],
)
def test_what_is_put_before_a_line_is_no_depth(prefix: str) -> None:
    assert read("".join(f"{prefix}{line}\n" for line in NESTED)) == {
        "suite": "pass",
        "suite.test_1": "pass",
        "suite.test_2": "skip",
    }


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_signal_is_read_in_a_log_of_lavas_own_format(quote: str) -> None:
    signal = "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass>"
    assert read(f"- {{dt: x, lvl: target, msg: {quote}{signal}{quote}}}\n") == {
        "a": "pass"
    }
    assert read(f"+ echo {quote}{signal}{quote}\n") == {}


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        ("ok - a", {"a": "pass"}),
        ("+ echo ok 1 a", {}),
        ("book 1 a", {}),
        ("not ok to go on without a disk", {}),
        ("ok 1 selftests: net: tls.sh", {"net.tls.sh": "pass"}),
        ("ok 1 /", {"unnamed": "pass"}),
        ("mkdir09.c:5: TCONF: not today", {"mkdir09": "skip"}),
    ],
)
def test_a_line_of_a_log_is_a_result_by_the_same_rule_as_in_a_bridge(
    line: str, tests: dict[str, str]
) -> None:
    assert read(f"{line}\n") == tests


def test_tap_without_numbers_is_read_where_it_is_announced() -> None:
    assert read("TAP version 13\nok named\nnot ok other\n") == {
        "named": "pass",
        "other": "fail",
    }


def test_a_crash_in_a_suite_is_shown_and_missing_results_are_counted() -> None:
    log = "KTAP version 1\n1..2\n    # Subtest: s\n    1..3\n    ok 1 a\n"
    log += "[    1.0] BUG: kernel NULL pointer dereference, address: 0\n"
    shown = read_log(iter([log.encode()]))
    assert {test.name: str(test.result) for test in shown.tests} == {
        "s": "crash",
        "s.a": "pass",
    }
    assert shown.left_out["missing"] == 2 + 1


def test_a_scanner_without_a_reader_finds_the_same_faults() -> None:
    log = b"ok 1 a\nnot ok 2 selftests: a: b\n[    1.0] BUG: KASAN: x in f+0x1/0x2\n"
    with_results, alone = LogScanner(ResultReader()), LogScanner()
    for scanner in (with_results, alone):
        scanner.feed(log)
    found = alone.finish()
    assert [one.kind for one in found] == ["kselftest-fail", "kasan"]
    assert found == with_results.finish()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no sample logs beside this tree")
def test_the_samples_of_kselftest_are_read_as_the_collection_expects() -> None:
    folder = SHARED / "cases" / "logs"
    for row in json.loads((folder / "INDEX.json").read_text()):
        if expected := row["expect"].get("tests"):
            tests = read((folder / row["file"]).read_text())
            assert tests.items() >= expected.items()
            assert "crash" not in tests.values()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no sample logs beside this tree")
def test_production_signals_are_read_as_kcidb_has_them() -> None:
    rows = (SHARED / "logs" / "prod_signals.jsonl").read_text().splitlines()
    differ = 0
    for row in map(json.loads, rows):
        reader = ResultReader()
        for line in row["text"].splitlines():
            reader.read(line)
        found = [(test.path[-1], test.status.upper()) for test in reader.finish()]
        differ += (row["test_case_id"], row["status"]) not in found
    assert differ <= 2
