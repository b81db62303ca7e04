# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_log_parser.junit import NotJUnit, is_junit, read_junit
from kci_log_parser.scanner import LogScanner


def read(log: str) -> list[tuple[str, str]]:
    scanner = LogScanner()
    scanner.feed(log.encode())
    scanner.finish()
    return [(test.name, str(test.result)) for test in scanner.tests()]


def signal(said: str) -> str:
    return f"[2026-01-02T03:04:05.678901] <8>[  139.780351] <LAVA_SIGNAL_{said}>\n"


@pytest.mark.parametrize(
    ("said", "result"),
    [("pass", "pass"), ("fail", "fail"), ("skip", "skip"), ("unknown", "error")],
)
def test_a_signal_of_lava_is_a_result(said: str, result: str) -> None:
    log = signal(f"TESTCASE TEST_CASE_ID=login RESULT={said}")
    assert read(log + "Received signal: <TESTCASE> TEST_CASE_ID=login\n") == [
        ("login", result)
    ]


def test_runs_and_sets_are_the_path_of_a_case() -> None:
    case = signal("TESTCASE TEST_CASE_ID=a RESULT=pass")
    log = signal("STARTRUN 0_dmesg 42_1.1") + signal("TESTSET START one") + case
    log += signal("TESTSET STOP") + case + signal("ENDRUN 0_dmesg 42_1.1") + case
    assert [name for name, _ in read(log)] == ["dmesg.one.a", "dmesg.a", "a"]


def test_a_measurement_is_kept() -> None:
    scanner = LogScanner()
    scanner.feed(
        signal("TESTCASE TEST_CASE_ID=a RESULT=pass UNITS=ms MEASUREMENT=1.5").encode()
    )
    [test] = scanner.tests()
    assert (test.measurement, test.units) == (1.5, "ms")


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
    new = "".join(f"mkdir09.c:5{n}: {word}: said\n" for n, word in enumerate(words))
    old = "".join(f"mkdir09    {n}  {word}  :  said\n" for n, word in enumerate(words))
    tag = "tag=mkdir09 stime=1\n"
    library = new.replace("mkdir09.c", "tst_test.c")
    for log in (new, old, tag + library):
        assert read(log) == [("mkdir09", result)]


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


def test_junit_is_read() -> None:
    assert is_junit(JUNIT)
    tests = read_junit(JUNIT)
    assert [(test.name, str(test.result)) for test in tests] == [
        ("t.C.a", "pass"),
        ("t.C.b", "fail"),
        ("c", "skip"),
        ("d", "error"),
    ]
    assert (tests[0].measurement, tests[1].why) == (0.5, "1 is not 2")


@pytest.mark.parametrize(
    "xml",
    [
        b"<testsuite><testcase",
        b"<testsuite/><x/>",
        b'<!DOCTYPE t [<!ENTITY a "a">]><testsuite name="&a;"/>',
    ],
)
def test_xml_that_is_broken_or_a_trap_is_refused(xml: bytes) -> None:
    with pytest.raises(NotJUnit):
        read_junit(xml)
