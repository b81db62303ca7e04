# SPDX-License-Identifier: LGPL-2.1-or-later
import random
import re
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kci_log_parser.engine import (
    MAX_HITS,
    MAX_LINE_BYTES,
    Engine,
    faults_engine,
    full_engine,
)


def named(
    text: bytes, *, booting: bool = True, engine: Engine | None = None
) -> list[tuple[bytes, list[str]]]:
    """Return the lines that are of interest, and the patterns that fit."""
    engine = engine or full_engine()
    return [
        (text[start:end], [engine.rows[row].pattern for row, _ in hits])
        for start, end, hits in engine.lines(text, lambda: booting)
    ]


def lines_that_fit(pattern: str) -> list[bytes]:
    """Make up some lines for a pattern."""
    found: list[bytes] = []

    @settings(
        max_examples=4,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(re.compile(pattern, re.ASCII)))
    def make(text: str) -> None:
        line = text.strip("\n")
        if line.isascii() and "\n" not in line:
            found.append(line.encode()[:120])

    make()
    return found


def test_the_scan_finds_whatever_the_patterns_find_line_by_line() -> None:
    rng = random.Random(1)  # noqa: S311 - the same in each run
    patterns = [re.compile(row.pattern.encode()) for row in full_engine().rows]
    lines = [line for row in full_engine().rows for line in lines_that_fit(row.pattern)]
    for _ in range(1000):
        some = rng.choices(lines, k=rng.randint(2, 8))
        text = b"".join(line + rng.choice([b" ", b"\n", b"\nx\n"]) for line in some)
        text += b"\n"
        interesting = [
            line
            for line in text.splitlines(keepends=True)
            if any(pattern.search(line) for pattern in patterns)
        ]
        assert [line for line, _ in named(text)] == interesting


def test_a_line_is_named_once_with_all_that_stands_in_it_from_left_to_right() -> None:
    text = b"nothing\nsh: not found: BUG: x\nnothing\n"
    assert named(text) == [
        (b"sh: not found: BUG: x\n", [": (?:command )?not found", "BUG: "])
    ]


def test_at_one_place_the_particular_row_counts_and_not_the_general() -> None:
    assert named(b"BUG: KASAN: x\n") == [(b"BUG: KASAN: x\n", ["BUG: KASAN: "])]


def test_a_row_that_ends_with_the_line_belongs_to_it() -> None:
    login = (b"board login:\n", [r"\blogin:[ \r\n]"])
    assert named(b"board login:\nBUG: x\n") == [login, (b"BUG: x\n", ["BUG: "])]


def test_prompts_are_not_looked_for_after_the_boot() -> None:
    assert named(b"/ # ls\n", booting=False) == []


def test_only_the_beginning_of_a_line_is_looked_at_and_only_some_places() -> None:
    assert named(b" " * MAX_LINE_BYTES + b"BUG: x\n") == []
    (_, rows) = named(b"BUG: " * 99 + b"\n")[0]
    assert len(rows) == MAX_HITS


def test_results_of_tests_are_of_interest_only_to_those_who_read_them() -> None:
    text = b"ok 1 a\nnot ok 2 selftests: a: b\n1..2\n"
    assert len(named(text)) == 3
    [(line, _)] = named(text, engine=faults_engine())
    assert line == b"not ok 2 selftests: a: b\n"


def test_several_threads_may_scan_at_once() -> None:
    text = b"BUG: x\n" * 2000
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(named, [text] * 8))
    assert all(each == found[0] for each in found)
    assert len(found[0]) == 2000
