# SPDX-License-Identifier: LGPL-2.1-or-later
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_shared.lab.console import (
    BANNER,
    PANIC,
    Subtest,
    find_panic,
    judge,
    subtests,
)
from kci_shared.models import Result
from kci_shared.rules.verdicts import overall
from kci_shared.text import plain

unhurried = settings(deadline=None)  # other tests use the processor, too

NAMES = st.from_regex(r"[a-z][a-z0-9_.:/-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("line", "name", "result"),
    [
        ("ok 1 proc-mounted", "proc-mounted", Result.PASS),
        ("not ok 2 no-oops", "no-oops", Result.FAIL),
        ("ok 3 - with a dash", "with a dash", Result.PASS),
        ("ok 3 cpufreq # SKIP no cpufreq in this VM", "cpufreq", Result.SKIP),
        ("not ok 3 cpufreq # skip", "cpufreq", Result.SKIP),
        ("not ok 4 later # TODO write it", "later", Result.SKIP),
        ("ok 5 selftests: timers: posix # exit=0", "selftests: timers: posix", "pass"),
        ("not ok 6 a # TIMEOUT 45 seconds", "a", Result.FAIL),
        ("ok 7", "7", Result.PASS),
        ("ok named", "named", Result.PASS),
        ("ok 8 \x1b[32mgreen\x1b[0m\r", "green", Result.PASS),
        ("ok 9   many   spaces  ", "many spaces", Result.PASS),
    ],
)
def test_a_verdict_is_read_from_its_line(line: str, name: str, result: str) -> None:
    assert subtests([line]) == [Subtest(name, Result(result))]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ok",
        "TAP version 13",
        "1..4",
        "# ok 1 a comment",
        "    ok 1 a deeper level",
        "okay 1 then",
        "it is ok 1 so far",
        "Bail out! no disk",
    ],
)
def test_any_other_line_is_no_verdict(line: str) -> None:
    assert subtests([line]) == []


def test_a_name_that_comes_again_is_a_subtest_of_its_own() -> None:
    names = [subtest.name for subtest in subtests(["ok 1 a", "not ok 2 a", "ok 3 a"])]
    assert names == ["a", "a-2", "a-3"]


def test_a_name_that_comes_very_often_costs_no_more_each_time() -> None:
    outcomes = judge("stress", 0, ["ok 1 - again"] * 50_000 + ["not ok 2 - end"])
    assert outcomes[0].error_msg == "failed: end", "all are judged"
    assert outcomes[-1].path == ("stress", "again-5000"), "not all are told"


@unhurried
@given(st.lists(st.tuples(NAMES, st.booleans()), unique_by=lambda pair: pair[0]))
def test_every_verdict_of_a_tap_writer_is_read(wanted: list[tuple[str, bool]]) -> None:
    lines = [
        f"{'ok' if passed else 'not ok'} {number} {name}"
        for number, (name, passed) in enumerate(wanted, 1)
    ]
    results = {True: Result.PASS, False: Result.FAIL}
    noise = ["TAP version 13", f"1..{len(lines)}", "[    1.2] random: crng init done"]
    expected = [Subtest(name, results[passed]) for name, passed in wanted]
    assert subtests(noise + lines) == expected


@unhurried
@given(st.lists(st.text()))
def test_no_text_breaks_the_reader(lines: list[str]) -> None:
    found = subtests(lines)
    assert len({subtest.name for subtest in found}) == len(found)
    assert all(0 < len(s.name) <= 256 and s.name.isprintable() for s in found)


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
    assert judge("smoke", 3, [])[0].error_msg == "exit status 3"
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
