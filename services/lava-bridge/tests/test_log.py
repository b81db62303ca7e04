# SPDX-License-Identifier: LGPL-2.1-or-later
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava_bridge_fakes import read_log

from kci_lava_bridge.log import CUT, LogReader, console_text, lines_of
from kci_lava_bridge.results import Case
from kci_shared.models import Result


def entry(message: Any, level: str = "target") -> bytes:
    return b"- " + json.dumps({"dt": "t", "lvl": level, "msg": message}).encode()


def a_case(number: int, start: int, end: int) -> Case:
    return Case(number, "0_kci", f"c{number}", Result.PASS, start=start, end=end)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (entry("hello"), "hello"),
        (entry("hello", "feedback"), "hello"),
        (entry("hello", "debug"), None),
        (entry({"case": "x"}, "target"), None),
        (b'- {"dt": "t", "lvl": "target", "msg": ! "569"}', "569"),
        (b'- {"dt": "t", "lvl": "target", "msg": "a\\0b\\xE9"}', "a\0b\xe9"),
        (b'- {"lvl": "results", "msg": {"m": !!python/object/apply:decimal.Decimal '
         b'["1.5"]}}', None),
        (b'- {"lvl": "target", "msg": !!python/object/apply:os.system ["x"]}', "x"),
        (b'- {"dt": "t", "lvl": "target", "msg": "cut', None),
        (b"- [1, 2", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"- 1", None),
        (b"- " + b"[" * 5000, None),
    ],
)  # fmt: skip
def test_a_line_says_what_the_device_said(raw: bytes, said: str | None) -> None:
    assert console_text(raw) == said


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reader(raw: bytes) -> None:
    reader = LogReader(io.StringIO(), [])
    reader.feed(raw)
    reader.feed(b"- " + raw)


def test_the_console_is_plain_text_and_a_case_finds_its_lines() -> None:
    console = io.StringIO()
    reader = LogReader(console, [a_case(1, 3, 10), a_case(2, 11, 11)])
    for raw in (
        entry("\x1b[1mLinux version 6.1\x1b[0m\0"),
        entry("start: 1", "debug"),
        entry("<LAVA_SIGNAL_STARTTC c1>"),
        entry("Received signal: <STARTTC> c1", "debug"),
        entry("KTAP version 1"),
        entry("all is ready"),
        entry("  ok 1 nested"),
        entry("ok 1 first"),
        entry("<8>[    1.0] <LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=fail>"),
        entry("<LAVA_SIGNAL_ENDTC c1>"),
        entry("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c2 RESULT=pass>"),
    ):
        reader.feed(raw)
    assert console.getvalue().splitlines()[0] == "Linux version 6.1"
    first, second = reader.facts.excerpts[1], reader.facts.excerpts[2]
    results = ["KTAP version 1", "  ok 1 nested", "ok 1 first"]
    assert (first.first, first.last, first.lines) == (2, 8, results)
    assert (second.first, second.last, second.lines) == (9, 9, [])
    assert reader.facts.spoke


def test_a_panic_and_a_login_prompt_are_seen() -> None:
    facts = read_log(
        [
            entry("dut login: "),  # of the boot before
            entry("[    0.0] Linux version 6.1"),
            entry("Unhandled fault: imprecise external abort (0x1406) at 0x0"),
            entry("dut login:"),
            entry("[ 1.0] Kernel panic - not syncing: oops\r\n"),
        ]
    )
    assert facts.panic == "Kernel panic - not syncing: oops"
    assert facts.fault is not None
    assert facts.prompted


def test_a_hostile_console_ends_before_the_test_is_given_up() -> None:
    everywhere = [a_case(n, 1, 10_000) for n in range(3000)]
    reader = LogReader(io.StringIO(), everywhere)
    for text in (
        "Oops" * 200_000,
        "login: " * 100_000,
        "\x1b[" * 200_000,
        "ok " * 99_999,
    ):
        reader.feed(entry(text))
    for _ in range(2000):
        reader.feed(entry("x"))
    assert sum(map(len, reader.facts.excerpts[1].lines)) < 2 * 2**20


async def chunks(lines: int, width: int) -> AsyncIterator[bytes]:
    line = entry("x" * width) + b"\n"
    for _ in range(lines):
        yield line


async def test_a_long_log_is_read_in_bounded_memory() -> None:
    class Nowhere(io.StringIO):
        def write(self, text: str) -> int:
            return len(text)

    reader = LogReader(Nowhere(), [a_case(1, 1, 100)])
    tracemalloc.start()
    async for line in lines_of(chunks(3_000, 3_000)):
        reader.feed(line)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 2**20


async def test_lines_come_whole_however_they_are_cut() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"b\nc", b"\n\nd"):
            yield piece

    assert [line async for line in lines_of(pieces())] == [b"ab", b"c", b"", b"d"]


def test_the_console_is_cut_when_it_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kci_lava_bridge.log.MAX_CONSOLE_BYTES", 30)
    console = io.StringIO()
    reader = LogReader(console, [])
    for _ in range(9):
        reader.feed(entry("x" * 9))
    assert console.getvalue() == "xxxxxxxxx\n" * 2 + CUT
