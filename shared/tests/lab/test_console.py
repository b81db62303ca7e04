# SPDX-License-Identifier: LGPL-2.1-or-later
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_shared.lab.console import BANNER, MAX_NAMED, PANIC, find_panic, judge
from kci_shared.models import ErrorCode, Result
from kci_shared.rules.verdicts import overall
from kci_shared.text import plain
from kci_shared.work import TestOutcome

unhurried = settings(deadline=None)  # other tests use the processor, too

NAMES = st.from_regex(r"[a-z][a-z0-9_.:/-]{0,20}", fullmatch=True)


def short(tests: list[TestOutcome]) -> list[tuple[str, Result]]:
    return [("/".join(test.path), test.result) for test in tests]


def test_nested_results_are_outcomes_below_those_that_they_belong_to() -> None:
    log = """\
KTAP version 1
1..2
    KTAP version 1
    # Subtest: suite
    1..3
    ok 1 a # SKIP no such device
    not ok 2 b # ERROR no memory
    not ok 3 c # XFAIL known
ok 1 suite
# selftests: net: tls.sh
# ok 1 send
# not ok 2 receive
not ok 2 selftests: net: tls.sh # exit=1
"""
    tests = judge("t", 0, log.splitlines())
    assert short(tests) == [
        ("t", Result.FAIL),
        ("t/suite", Result.PASS),
        ("t/suite/a", Result.SKIP),
        ("t/suite/b", Result.INCOMPLETE),
        ("t/suite/c", Result.PASS),
        ("t/selftests: net: tls.sh", Result.FAIL),
        ("t/selftests: net: tls.sh/send", Result.PASS),
        ("t/selftests: net: tls.sh/receive", Result.FAIL),
    ]
    assert tests[0].error_msg == "failed: selftests: net: tls.sh"
    assert tests[3].error_msg == "ERROR no memory"


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("not ok to go on without a disk", Result.PASS),
        ("not ok 1 a # XFAIL known", Result.PASS),
        ("not ok 1 a # TODO", Result.PASS),
        ("ok 1 a # TIMEOUT 45 seconds", Result.FAIL),
        ("not ok 1 a # ERROR no memory", Result.INCOMPLETE),
        ("    not ok 1 a part of nothing", Result.PASS),
        ("# Subtest: that has no result", Result.PASS),
        ("mkdir09.c:5: TFAIL: no", Result.FAIL),
        ("mkdir09.c:5: TBROK: no", Result.INCOMPLETE),
        ("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=fail>", Result.FAIL),
        ("<testsuite><testcase name='a'><failure/></testcase></testsuite>", "fail"),
    ],
)
def test_a_test_that_exited_with_0_is_as_good_as_its_outermost_results(
    line: str, result: str
) -> None:
    assert judge("t", 0, [line])[0].result is Result(result)
    assert judge("t", 1, [line])[0].result is Result.FAIL


def test_a_measurement_is_kept() -> None:
    line = "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass UNITS=ms MEASUREMENT=1.5>"
    [_, case] = judge("t", 0, [line])
    assert case.data == {"misc": {"measurement": {"value": 1.5, "unit": "ms"}}}


def test_a_name_that_comes_very_often_costs_no_more_each_time() -> None:
    outcomes = judge("stress", 0, ["ok 1 - again"] * 50_000 + ["not ok 2 - end"])
    assert outcomes[0].error_msg == "failed: end", "all are judged"
    assert outcomes[-1].path == ("stress", "again-5000"), "not all are kept"
    assert outcomes[0].data == {"misc": {"results": {"left_out": 45_001}}}


def test_results_that_a_plan_promised_and_did_not_come_are_counted() -> None:
    [head, _] = judge("t", 0, ["1..3", "ok 1 a"])
    assert (head.result, head.data) == (
        Result.PASS,
        {"misc": {"results": {"missing": 2}}},
    )


def test_a_message_names_a_bounded_number_of_subtests() -> None:
    lines = [f"not ok {number} a" for number in range(MAX_NAMED + 7)]
    message = judge("t", 0, lines)[0].error_msg
    assert message is not None
    assert message.startswith("failed: a, a-2, ")
    assert message.endswith("a-20 and 7 more")


@unhurried
@given(st.lists(st.tuples(NAMES, st.booleans()), unique_by=lambda pair: pair[0]))
def test_every_result_of_a_tap_writer_is_read(written: list[tuple[str, bool]]) -> None:
    lines = [
        f"{'ok' if passed else 'not ok'} {number} {name}"
        for number, (name, passed) in enumerate(written, 1)
    ]
    results = {True: Result.PASS, False: Result.FAIL}
    noise = ["TAP version 13", f"1..{len(lines)}", "[    1.2] random: crng init done"]
    expected = [(f"t/{name}", results[passed]) for name, passed in written]
    assert short(judge("t", 1, noise + lines)[1:]) == expected


def test_the_banner_is_the_kernels_not_the_firmwares() -> None:
    assert re.search(BANNER, "[    0.000000] Linux version 6.1.0-41-cloud-amd64 (...)")
    assert not re.search(BANNER, "Booting Linux version of GRUB")


def test_a_panic_is_whole_only_with_its_lines_end() -> None:
    text = "[ 2.1] Kernel panic - not syncing: VFS: Unable to mount root fs"
    assert not re.search(PANIC, text)
    assert re.search(PANIC, text + "\r\n")
    assert re.search(PANIC.encode(), text.encode() + b"\r\n")
    assert find_panic(text) == text[7:]
    assert find_panic("Command line: panic=-1") is None


def test_a_test_fails_by_its_exit_status_or_by_a_subtest() -> None:
    passed = judge("smoke", 0, ["ok 1 a", "ok 2 b # SKIP"])
    assert [(t.path, t.result) for t in passed] == [
        (("smoke",), Result.PASS),
        (("smoke", "a"), Result.PASS),
        (("smoke", "b"), Result.SKIP),
    ]
    [failed] = judge("smoke", 3, [])
    assert (failed.error_msg, failed.error_code) == ("exit status 3", ErrorCode.TEST)
    failed = judge("smoke", 0, ["not ok 1 a", "ok 2 b", "not ok 3 c"])[0]
    assert (failed.result, failed.error_msg) == (Result.FAIL, "failed: a, c")


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        ([], Result.PASS),
        ([Result.PASS, Result.SKIP], Result.PASS),
        ([Result.SKIP], Result.PASS),
        ([Result.PASS, Result.INCOMPLETE], Result.INCOMPLETE),
        ([Result.INCOMPLETE, Result.FAIL, Result.PASS], Result.FAIL),
    ],
)
def test_a_job_is_as_good_as_its_worst_test(
    results: list[Result], wanted: Result
) -> None:
    assert overall(results) is wanted


@unhurried
@given(st.text())
def test_a_plain_line_has_no_control_characters(line: str) -> None:
    assert all(c.isprintable() or c == "\t" for c in plain(line))
