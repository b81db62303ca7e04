# SPDX-License-Identifier: LGPL-2.1-or-later
"""LAVA's signals, LTP's verdicts, JUnit's XML, one after the other in any output."""

from collections.abc import Iterator

import pytest

from kci_shared.rules.results import (
    NotJUnit,
    ResultReader,
    is_junit,
    may_be_result,
    outermost,
    read_junit,
)
from kci_shared.rules.results import junit as junit_module
from kci_shared.rules.results import parsed as parsed_module
from kci_shared.rules.results.reader import MAX_LINE_CHARS


def reader_of(log: str) -> ResultReader:
    reader = ResultReader()
    for line in log.splitlines():
        reader.read(line)
    return reader


def read(log: str) -> list[tuple[str, str]]:
    tests = reader_of(log).finish()
    return [("/".join(test.path), str(test.status)) for test in tests]


def signal(text: str) -> str:
    return f"<8>[  139.780351] <LAVA_SIGNAL_{text}>\n"


@pytest.mark.parametrize(
    ("word", "result"),
    [("pass", "pass"), ("fail", "fail"), ("skip", "skip"), ("unknown", "error")],
)
def test_a_signal_of_lava_is_a_result(word: str, result: str) -> None:
    log = signal(f"TESTCASE TEST_CASE_ID=login RESULT={word}")
    assert read(log + "Received signal: <TESTCASE> TEST_CASE_ID=login\n") == [
        ("login", result)
    ]


def test_runs_and_sets_are_the_path_of_a_case() -> None:
    case = signal("TESTCASE TEST_CASE_ID=a RESULT=pass")
    log = signal("STARTRUN 0_dmesg 42_1.1") + signal("TESTSET START one") + case
    log += signal("TESTSET STOP") + case + signal("ENDRUN 0_dmesg 42_1.1") + case
    assert [name for name, _ in read(log)] == ["dmesg/one/a", "dmesg/a", "a"]


def test_a_measurement_is_kept() -> None:
    case = "TESTCASE TEST_CASE_ID=a RESULT=pass UNITS=ms MEASUREMENT="
    tests = reader_of(signal(f"{case}1.5") + signal(f"{case}much")).finish()
    assert [(test.path, test.measurement, test.unit) for test in tests] == [
        (("a",), 1.5, "ms"),
        (("a-2",), None, "ms"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "+ echo '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass>'\n",
        "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RES",
        "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a>\n",
    ],
)
def test_what_is_torn_or_only_about_to_be_said_is_no_result(line: str) -> None:
    assert read(line) == []


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (["TPASS"], "pass"),
        (["TPASS", "TCONF"], "pass"),
        (["TCONF"], "skip"),
        (["TPASS", "TFAIL", "TPASS"], "fail"),
        (["TFAIL", "TBROK"], "error"),
        (["TPASS", "TWARN"], "pass"),
    ],
)
def test_the_worst_word_of_ltp_is_a_tests_result(words: list[str], result: str) -> None:
    new = "".join(f"mkdir09.c:5{n}: {word}: text\n" for n, word in enumerate(words))
    old = "".join(f"mkdir09    {n}  {word}  :  text\n" for n, word in enumerate(words))
    tag = "tag=mkdir09 stime=1\n"
    library = new.replace("mkdir09.c", "tst_test.c")
    for log in (new, old, tag + library):
        assert read(log) == [("mkdir09", result)]


def test_a_test_of_ltp_may_begin_as_a_result_of_tap_does() -> None:
    log = "notify01.c:5: TFAIL: no\nokay.c:5: TPASS: yes\n"
    assert read(log) == [("notify01", "fail"), ("okay", "pass")]


def test_what_lava_will_tell_of_ltp_is_told_once() -> None:
    log = signal("STARTTC mkdir09") + "mkdir09.c:5: TBROK: no\n"
    log += signal("ENDTC mkdir09") + signal("TESTCASE TEST_CASE_ID=mkdir09 RESULT=fail")
    assert read(log) == [("mkdir09", "fail")]


JUNIT = b"""<?xml version="1.0"?>
<testsuites><testsuite name="s">
<testcase classname="t.C" name="a" time="0.5"/>
<testcase classname="t.C" name="b"><failure message="1 is not 2"/></testcase>
<testcase name="c"><skipped/></testcase>
<testcase name="d"><error message="no board"/></testcase>
</testsuite></testsuites>"""


def pieces(xml: bytes, size: int = 7) -> Iterator[bytes]:
    for start in range(0, len(xml), size):
        yield xml[start : start + size]


def test_junit_is_read() -> None:
    assert is_junit(JUNIT)
    assert not is_junit(b"a log with <testsuite")
    tests = read_junit(pieces(JUNIT)).tests
    assert [("/".join(test.path), str(test.status)) for test in tests] == [
        ("t.C/a", "pass"),
        ("t.C/b", "fail"),
        ("c", "skip"),
        ("d", "error"),
    ]
    assert (tests[0].measurement, tests[1].reason) == (0.5, "1 is not 2")


@pytest.mark.parametrize(
    "xml",
    [
        b"<testsuite><testcase",
        b"<testsuite/><x/>",
        b"<html/>",
        b'<!DOCTYPE t [<!ENTITY a "a">]><testsuite name="&a;"/>',
        b"<testsuite name='" + b"x" * 2 * junit_module.MAX_TOKEN_BYTES + b"'/>",
    ],
)
def test_xml_that_is_broken_or_a_trap_is_refused(xml: bytes) -> None:
    with pytest.raises(NotJUnit):
        read_junit(pieces(xml, 10_000))


def test_xml_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit_module, "MAX_BYTES", 100)
    with pytest.raises(NotJUnit):
        read_junit(pieces(JUNIT))


def test_a_file_keeps_a_bounded_number_of_tests_each_with_a_name_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parsed_module, "MAX_RESULTS", 2)
    case = b"<testcase name='a'/>"
    kept = read_junit(pieces(b"<testsuite>" + 3 * case + b"</testsuite>"))
    assert [test.path for test in kept.tests] == [("a",), ("a-2",)]
    assert kept.left_out == 1


def test_junit_is_read_among_the_lines_of_an_output_as_is_what_follows() -> None:
    log = f"ok 1 before\n  {JUNIT.decode()}\nok 2 after\n"
    assert read(log) == [
        ("before", "pass"),
        ("after", "pass"),
        ("t.C/a", "pass"),
        ("t.C/b", "fail"),
        ("c", "skip"),
        ("d", "error"),
    ]


CASE = '<testsuite><testcase name="a"/>\n'


@pytest.mark.parametrize(
    ("log", "names", "left_out"),
    [
        (f"{CASE}<<\nok 1 b\n", ["b", "a"], 1),
        (CASE, ["a"], 1),
        ('<?xml version="1.0"?><html>\nok 1 b\n', ["b"], 0),
        (f"{CASE}</testsuite> trailing\nok 1 b\n", ["b", "a"], 0),
    ],
)
def test_a_document_that_is_cut_says_so(
    log: str, names: list[str], left_out: int
) -> None:
    reader = reader_of(log)
    assert ["/".join(test.path) for test in reader.finish()] == names
    assert reader.left_out == left_out


def test_each_format_keeps_a_bounded_number_and_counts_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parsed_module, "MAX_RESULTS", 2)
    log = signal("TESTCASE TEST_CASE_ID=a RESULT=pass") * 3
    log += "".join(f"{name}.c:5: TFAIL: no\n" for name in "abc")
    log += f"<testsuite>{'<testcase/>' * 3}</testsuite>\n" * 2
    reader = reader_of(log)
    assert len(reader.finish()) == 6
    assert reader.left_out == 1 + 1 + 1 + 3
    assert reader.failed_left_out == "c"


def test_only_lines_that_may_be_results_need_to_be_kept() -> None:
    log = JUNIT.decode() + signal("STARTTC a") + "a.c:1: TPASS: b\ntag=a stime=1\n"
    log += "KTAP version 1\n1..2\n # Subtest: a\nnot ok\n# selftests: a: b\n"
    assert all(may_be_result(line) for line in log.splitlines())
    assert not may_be_result("token and <testimony> of 1..x")
    assert not may_be_result(f"{'x' * MAX_LINE_CHARS} ok 1 a")


def test_a_result_is_outermost_unless_it_is_a_part_of_another() -> None:
    log = "  ok 1 a\n    ok 1 b\n  ok 2 c\nok 1 d\n  ok 1 e\n"
    log = f"KTAP version 1\n{log}{signal('TESTCASE TEST_CASE_ID=f RESULT=pass')}"
    tests = reader_of(log).finish()
    assert ["/".join(test.path) for test in outermost(tests)] == ["d", "e", "f"]
