# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every construct of the kernel's ktap.rst, and what goes wrong with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_log_parser.scanner import LogScanner
from kci_shared.rules.results.ktap import Ktap

Results = dict[str, str]


def read(log: str) -> Results:
    scanner = LogScanner()
    scanner.feed(log.encode())
    scanner.finish()
    return {test.name: str(test.result) for test in scanner.tests()}


def missing(log: str) -> int:
    scanner = LogScanner()
    scanner.feed(log.encode())
    scanner.tests()
    return scanner.left_out["missing"]


@pytest.mark.parametrize(
    ("line", "results"),
    [
        ("ok 1 a", {"a": "pass"}),
        ("not ok 1 a", {"a": "fail"}),
        ("ok 1 - a", {"a": "pass"}),
        ("ok 1", {"1": "pass"}),
        ("not ok 7", {"7": "fail"}),
        ("ok 1 a b: c", {"a_b.c": "pass"}),
        ("ok 1 a # SKIP no such device", {"a": "skip"}),
        ("not ok 1 a # skip", {"a": "skip"}),
        ("ok 1 # SKIP all", {"1": "skip"}),
        ("ok 1 a # TODO", {"a": "pass"}),
        ("not ok 1 a # TODO one day", {"a": "skip"}),
        ("not ok 1 a # XFAIL known", {"a": "pass"}),
        ("not ok 1 a # TIMEOUT 45 seconds", {"a": "fail"}),
        ("not ok 1 a # ERROR no memory", {"a": "error"}),
        ("not ok 1 a # exit=1", {"a": "fail"}),
        ("ok 1 a # it took 3 ms", {"a": "pass"}),
        ("ok1 a", {}),
        ("book 1 a", {}),
        ("+ echo ok 1 a", {}),
        ("okay 1 a", {}),
    ],
)
def test_a_result_line_has_a_number_a_name_and_a_directive(
    line: str, results: Results
) -> None:
    assert read(f"KTAP version 1\n1..1\n{line}\n") == results


NESTED = """\
KTAP version 1
1..2
    KTAP version 1
    1..2
        KTAP version 1
        1..1
        # test_1: initializing test_1
        ok 1 test_1
    ok 1 inner
    ok 2 other # SKIP
ok 1 outer
ok 2 last
"""
NESTED_RESULTS = {
    "outer": "pass",
    "outer.inner": "pass",
    "outer.inner.test_1": "pass",
    "outer.other": "skip",
    "last": "pass",
}


def test_subtests_stand_above_what_they_belong_to() -> None:
    assert read(NESTED) == NESTED_RESULTS


@pytest.mark.parametrize(
    "prefix",
    [
        "[   12.345678] ",
        "<6>[    1.234567] ",
        "[    1.234567][    T1] ",
        "kern  :info  : ",
    ],
)
def test_what_the_kernel_puts_before_a_line_is_no_depth(prefix: str) -> None:
    assert read("".join(prefix + line for line in NESTED.splitlines(True))) == (
        NESTED_RESULTS
    )


def test_versions_and_plans_may_be_left_out() -> None:
    kept = [line for line in NESTED.splitlines(True) if "ok" in line]
    assert read("".join(kept)) == NESTED_RESULTS


def test_kunit_indents_by_tabs_and_names_its_suites() -> None:
    log = (
        "TAP version 14\n1..1\n\t# Subtest: example\n\t1..2\n"
        "\t# example_test: EXPECTATION FAILED at lib/a.c:30\n"
        "\tnot ok 1 - example_test\n\tok 2 - other\nnot ok 1 - example\n"
    )
    assert read(log) == {
        "example": "fail",
        "example.example_test": "fail",
        "example.other": "pass",
    }


def test_kselftest_puts_a_sign_before_what_its_tests_say() -> None:
    log = (
        "TAP version 13\n1..2\n# selftests: net: tls.sh\n# TAP version 13\n# 1..2\n"
        "# ok 1 send\n# not ok 2 receive\nnot ok 1 selftests: net: tls.sh # exit=1\n"
        "# selftests: net: udp.sh\nok 2 selftests: net: udp.sh # SKIP\n"
    )
    assert read(log) == {
        "net.tls.sh": "fail",
        "net.tls.sh.send": "pass",
        "net.tls.sh.receive": "fail",
        "net.udp.sh": "skip",
    }


def test_a_suite_that_a_crash_cut_off_is_a_crash_and_the_next_one_is_read() -> None:
    log = (
        "KTAP version 1\n1..3\n    # Subtest: first\n    1..3\n    ok 1 a\n"
        "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
        "[    1.0] RIP: 0010:f+0x1/0x2\n"
        "    # Subtest: second\n    1..1\n    ok 1 b\nok 2 second\n"
    )
    assert read(log) == {
        "first": "crash",
        "first.a": "pass",
        "second": "pass",
        "second.b": "pass",
    }
    assert missing(log) == 2 + 1


def test_a_test_that_the_kernel_died_in_is_a_crash() -> None:
    log = (
        "TAP version 13\n1..2\n# selftests: mm: a\nok 1 selftests: mm: a\n"
        "# selftests: mm: b\n# ok 1 begin\nKernel panic - not syncing: no more\n"
    )
    assert read(log) == {"mm.a": "pass", "mm.b": "crash", "mm.b.begin": "pass"}
    assert missing(log) == 0


def test_a_plan_of_none_and_one_that_comes_last_are_plans() -> None:
    assert read("TAP version 13\n1..0 # SKIP no such thing\n") == {}
    assert missing("TAP version 13\nok 1 a\n1..1\n") == 0


def test_two_runs_of_the_same_suite_are_two() -> None:
    log = "TAP version 13\n1..1\nok 1 a\nTAP version 13\n1..1\nnot ok 1 b\n"
    assert read(log) == {"a": "pass", "b": "fail"}


def test_unknown_lines_between_mean_nothing() -> None:
    noise = "random: crng init done\n# diagnostic\n\n  foo bar \t#\n"
    lines = NESTED.splitlines(True)
    assert read(noise.join(lines)) == NESTED_RESULTS


def test_a_flood_of_results_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kci_shared.rules.results.ktap.MAX_CASES", 50)
    ktap = Ktap()
    for number in range(60):
        ktap.hear(f"ok {number} a", number)
    assert ktap.left_out == 10
    assert len(ktap.finish()) == 50


LINES = st.sampled_from(
    ["ok 1 a", "not ok 2 b", "1..3", "KTAP version 1", "# Subtest: s", "x", "ok 1 s"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "  ", "    ", "# ", "\t\t"]), LINES)))
def test_no_order_of_lines_loses_a_result(lines: list[tuple[str, str]]) -> None:
    ktap = Ktap()
    for number, (nest, line) in enumerate(lines):
        ktap.hear(nest + line, number)
    told = [outcome for outcome in ktap.finish() if outcome.result != "crash"]
    assert len(told) == sum("ok " in line for _, line in lines)
