# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every construct of the kernel's ktap.rst, and what goes wrong with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_shared.rules.results import ResultReader, TestStatus
from kci_shared.rules.results import ktap as ktap_module
from kci_shared.rules.results.ktap import MAX_RESULT_DEPTH

Results = dict[str, str]


def reader_of(log: str) -> ResultReader:
    reader = ResultReader()
    for line in log.splitlines():
        reader.read(line)
    return reader


def read(log: str) -> Results:
    tests = reader_of(log).finish()
    return {"/".join(test.path): str(test.status) for test in tests}


def missing(log: str) -> int:
    reader = reader_of(log)
    reader.finish()
    return reader.missing


@pytest.mark.parametrize(
    ("line", "results"),
    [
        ("ok 1 a", {"a": "pass"}),
        ("not ok 1 a", {"a": "fail"}),
        ("ok 1 - a", {"a": "pass"}),
        ("ok 1", {"1": "pass"}),
        ("not ok 7", {"7": "fail"}),
        ("ok 1  a b:  c ", {"a b: c": "pass"}),
        ("ok 1 a # SKIP no such device", {"a": "skip"}),
        ("not ok 1 a # skip", {"a": "skip"}),
        ("ok 1 # SKIP all", {"1": "skip"}),
        ("not ok 1 a # Skipped: no such device", {"a": "skip"}),
        ("ok 1 a # TODO", {"a": "pass"}),
        ("not ok 1 a # todo", {"a": "skip"}),
        ("not ok 1 a # TODO one day", {"a": "skip"}),
        ("not ok 1 a # XFAIL known", {"a": "pass"}),
        ("ok 1 a # XFAIL known", {"a": "pass"}),
        ("not ok 1 a # TIMEOUT 45 seconds", {"a": "fail"}),
        ("ok 1 a # TIMEOUT 45 seconds", {"a": "fail"}),
        ("ok 1 a # ERROR no memory", {"a": "error"}),
        ("not ok 1 a # ERROR no memory", {"a": "error"}),
        ("not ok 1 a # exit=1", {"a": "fail"}),
        ("ok 1 a # it took 3 ms", {"a": "pass"}),
        ("ok 1 a # timeout was 3 s, error 0", {"a": "pass"}),
        ("ok 1 a# SKIP", {"a": "skip"}),
        ("ok 1 a #SKIP", {"a": "skip"}),
        ("ok 1 counter #0 of a#1 is set", {"counter #0 of a#1 is set": "pass"}),
        ("ok 1 a \\# SKIP", {"a \\# SKIP": "pass"}),
        ("ok 1 \x1b[32mgreen\x1b[0m\r", {"green": "pass"}),
        ("ok1 a", {}),
        ("ok 1st of many", {}),
        ("ok then", {}),
        ("not ok to go on without a disk", {}),
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
    "outer/inner": "pass",
    "outer/inner/test_1": "pass",
    "outer/other": "skip",
    "last": "pass",
}


def test_subtests_stand_above_what_they_belong_to() -> None:
    assert read(NESTED) == NESTED_RESULTS


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
        "example/example_test": "fail",
        "example/other": "pass",
    }


def test_kselftest_puts_a_sign_before_what_its_tests_say() -> None:
    log = (
        "TAP version 13\n1..2\n# selftests: net: tls.sh\n# TAP version 13\n# 1..2\n"
        "# ok 1 send\n# not ok 2 receive\nnot ok 1 selftests: net: tls.sh # exit=1\n"
        "# selftests: net: udp.sh\nok 2 selftests: net: udp.sh # SKIP\n"
    )
    assert read(log) == {
        "selftests: net: tls.sh": "fail",
        "selftests: net: tls.sh/send": "pass",
        "selftests: net: tls.sh/receive": "fail",
        "selftests: net: udp.sh": "skip",
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
        "first/a": "pass",
        "second": "pass",
        "second/b": "pass",
    }
    assert missing(log) == 2 + 1


def test_a_test_that_the_kernel_died_in_is_a_crash() -> None:
    log = (
        "TAP version 13\n1..2\n# selftests: mm: a\nok 1 selftests: mm: a\n"
        "# selftests: mm: b\n# ok 1 begin\nKernel panic - not syncing: no more\n"
    )
    assert read(log) == {
        "selftests: mm: a": "pass",
        "selftests: mm: b": "crash",
        "selftests: mm: b/begin": "pass",
    }
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


def test_a_test_that_begins_twice_is_one_and_each_of_its_results_is_kept() -> None:
    run = "# TAP version 13\n# 1..1\n# ok 1 Passed\n"
    log = f"# selftests: cap: execve\n{run}{run}ok 1 selftests: cap: execve\n"
    assert read(log) == {
        "selftests: cap: execve": "pass",
        "selftests: cap: execve/Passed": "pass",
        "selftests: cap: execve/Passed-2": "pass",
    }
    assert missing(log) == 0


def test_a_test_of_kselftest_may_print_its_version_without_the_sign() -> None:
    log = (
        "TAP version 13\n1..1\n# selftests: pidfd: a\nTAP version 13\n# 1..1\n"
        "# ok 1 b\nok 1 selftests: pidfd: a\n"
    )
    assert read(log) == {"selftests: pidfd: a": "pass", "selftests: pidfd: a/b": "pass"}


@pytest.mark.parametrize("plan", ["1..2\n", ""])
def test_tap_14_names_the_subtests_to_the_left_of_them(plan: str) -> None:
    log = f"TAP version 14\n{plan}"
    for number, name in enumerate(["foo", "bar"], 1):
        log += f"# Subtest: {name}\n    ok 1 - a\n    1..1\nok {number} - {name}\n"
    assert read(log) == dict.fromkeys(["foo", "foo/a", "bar", "bar/a"], "pass")
    assert missing(log) == 0


PROSE = "not ok to go on without a disk"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "KTAP version 1\n1..1\n",
        "TAP version 13\n1..2\nok 1 a\n",
        "1..2\nok 1 a\n",
        "ok 1 a\n",
        "ok - a\n",
        "    TAP version 13\n",
        "1..0\n",
    ],
)
def test_prose_is_no_result(before: str) -> None:
    assert read(f"{before}{PROSE}\n").get("to go on without a disk") is None


@pytest.mark.parametrize("before", ["TAP version 13\n", "1..2\n"])
def test_tap_may_leave_the_numbers_out_where_it_is_announced(before: str) -> None:
    assert read(f"{before}ok named\nnot ok other one\n") == {
        "named": "pass",
        "other one": "fail",
    }


def test_a_dash_before_the_name_makes_a_result() -> None:
    assert read("not ok - no number\nok -\nok -x\nok - # SKIP\n") == {
        "no number": "fail"
    }


@pytest.mark.parametrize(
    ("log", "results"),
    [
        ("# ok 1 a comment\nok 1 a\n", {"a": "pass"}),
        ("    ok 1 a list's entry\n", {}),
        ("    ok 1 b\nok 1 a\n", {"a": "pass", "a/b": "pass"}),
        ("KTAP version 1\n  not ok 1 b\n", {"b": "fail"}),
        (
            "# ok 1 b\nok 1 selftests: a\n",
            dict.fromkeys(["selftests: a", "selftests: a/b"], "pass"),
        ),
        ("# TAP version 13\n# ok 1 b\n", {"b": "pass"}),
    ],
)
def test_what_is_indented_counts_in_a_document_or_above_its_test(
    log: str, results: Results
) -> None:
    assert read(log) == results


def test_a_name_that_comes_again_is_a_test_of_its_own_the_same_in_each_run() -> None:
    log = "ok 1 a\nnot ok 2 a\nok 3 a-2\n  ok 1 a\n  ok 2 a\nok 4 a\n"
    for _ in range(2):
        assert read(log) == {
            "a": "pass",
            "a-2": "fail",
            "a-2-2": "pass",
            "a-3": "pass",
            "a-3/a": "pass",
            "a-3/a-2": "pass",
        }


@pytest.mark.parametrize("header", ["", "KTAP version 1"])
def test_results_deeper_than_the_bound_are_left_out_and_counted(header: str) -> None:
    depth = MAX_RESULT_DEPTH + 900
    lines = [f"{' ' * n}{header}" for n in range(depth)]
    lines += [f"{' ' * n}ok 1 a\n{' ' * n}ok 2 b" for n in reversed(range(depth))]
    reader = reader_of("\n".join(lines))
    tests = reader.finish()
    assert max(len(test.path) for test in tests) == MAX_RESULT_DEPTH
    assert len(tests) + reader.left_out == 2 * depth


def test_a_flood_of_results_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ktap_module, "MAX_RESULTS", 50)
    reader = reader_of("".join(f"ok {n} a\n" for n in range(60)) + "not ok 60 b\n")
    assert len(reader.finish()) == 50
    assert reader.left_out == 11
    assert reader.failed_left_out == "b"


LINES = st.sampled_from(
    ["ok 1 a", "not ok 2 b", "1..3", "KTAP version 1", "# Subtest: s", "x", "ok 1 s"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "  ", "    ", "\t\t"]), LINES)))
def test_no_order_of_lines_loses_a_result(lines: list[tuple[str, str]]) -> None:
    log = "".join(f"{nest}{line}\n" for nest, line in lines)
    tests = reader_of(f"KTAP version 1\n{log}").finish()
    found = [test for test in tests if test.status is not TestStatus.CRASH]
    assert len(found) == sum("ok " in line for _, line in lines)
    assert len({test.path for test in tests}) == len(tests)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="# \tok1.-:KTAPversion\x1b[Sub"), max_size=30))
def test_no_text_breaks_the_reader(lines: list[str]) -> None:
    tests = reader_of("\n".join(lines)).finish()
    assert len({test.path for test in tests}) == len(tests)
    names = [name for test in tests for name in test.path]
    assert all(0 < len(name) <= 256 and name.isprintable() for name in names)
