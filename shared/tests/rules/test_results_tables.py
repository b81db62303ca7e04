# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each closed word has its meaning, and reading costs work in proportion to length."""

import sys

import pytest

from kci_shared.rules.results import RESULTS, ResultReader, TestStatus
from kci_shared.rules.results.directives import STATUS, Directive

HOSTILE = {
    "signs before the line": "#  " * 300 + "x ok 1 a",
    "tabs and signs": "\t# " * 300 + "Subtest:",
    "one name": "ok 1 a",
    "deeper and deeper": "".join(f"{' ' * n}ok 1 a\n" for n in range(300)),
    "less and less deep": "".join(f"{' ' * (300 - n)}not ok 1 a\n" for n in range(300)),
    "comments": "ok 1 " + "# " * 500,
    "escaped signs": "ok 1 " + "\\#" * 500,
    "numbers": "ok " + "1" * 900,
    "plans": "1..999999999",
    "headers": "# selftests: a\n# Subtest: a",
    "signals": "<LAVA_SIGNAL_" * 70,
    "fields": "<LAVA_SIGNAL_TESTCASE " + "A=" * 400 + ">",
    "files": "a/" * 400 + "TPASS: x",
    "a tag without an end": "<testsuite name='" + "x" * 900,
    "documents": "<testsuite/>\n<?xml ",
}


@pytest.mark.parametrize("table", [RESULTS, STATUS])
def test_no_word_is_without_its_meaning(table: dict[str, object]) -> None:
    assert set(table) in ({*TestStatus}, {*Directive})


def calls(line: str, lines: int) -> int:
    """Count the calls, of Python and of C, that reading so many lines takes."""
    parts = (line.splitlines() * lines)[:lines]
    reader, count = ResultReader(), 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(note)
    try:
        for part in parts:
            reader.read(part)
        reader.finish()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_output_takes_about_twice_the_work(name: str) -> None:
    small, large = calls(HOSTILE[name], 300), calls(HOSTILE[name], 1200)
    assert large < 5 * small
