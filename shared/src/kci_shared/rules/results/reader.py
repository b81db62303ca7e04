# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads test results of all formats, in linear time and bounded memory.

There are limits for the length of a line, the depth of results, the length of names,
and the number of results of each format. `left_out` counts the results beyond them.
"""

import re
from collections.abc import Iterable

from kci_shared.rules.results.junit import JUnit, NotJUnit
from kci_shared.rules.results.ktap import Ktap
from kci_shared.rules.results.lava import LavaSignals
from kci_shared.rules.results.ltp import Ltp
from kci_shared.rules.results.parsed import (
    Kept,
    ParsedTest,
    SiblingNames,
    with_own_names,
)
from kci_shared.text import plain

MAX_LINE_CHARS = 1000
"""How much of a line is read; XML is read in full."""

_MAY_BE_RESULT = re.compile(
    r"\bok\b|TAP version \d|\b1\.\.\d|# Subtest: |# selftests: |<LAVA_SIGNAL_"
    r"|\bT(?:PASS|FAIL|BROK|CONF|WARN) *: |^tag=\S"
    r"|</?(?:testsuites?|testcase|failure|error|skipped|system-(?:out|err))\b"
    r"|<\?xml |<!\[CDATA\[|\]\]>"
)
_XML = re.compile(r"\s*<(?:\?xml |testsuites?[\s>])")


def may_be_result(line: str) -> bool:
    """Return whether the reader may need a line; most lines it does not."""
    return _MAY_BE_RESULT.search(line, 0, MAX_LINE_CHARS) is not None


class ResultReader:
    """Reads the output of a test, or of a console."""

    def __init__(self) -> None:
        self._ktap = Ktap()
        self._lava = LavaSignals()
        self._ltp = Ltp()
        self._junit: JUnit | None = None
        """The XML document that is open."""
        self._xml = Kept()
        self._line = 0

    def read(self, line: str, number: int | None = None) -> None:
        """Read the next line; without a `number`, lines are counted."""
        self._line = number or self._line + 1
        if self._junit is None and _XML.match(line):
            self._junit, line = JUnit(), line.lstrip()
        if self._junit is not None:
            self._read_xml(self._junit, line)
        elif may_be_result(line):
            self.read_plain(plain(line[:MAX_LINE_CHARS].rstrip()), self._line)

    def read_plain(self, line: str, number: int) -> None:
        """Read a line that was cut, is `plain`, and `may_be_result`."""
        text = line.rstrip()
        if self._ktap.read(text, number):
            return
        if "<LAVA_SIGNAL_" not in text:
            self._ltp.read(text, number, self._lava.case)
            return
        case = self._lava.case
        if self._lava.read(text, number):
            self._ltp.close(case)

    def finish(self) -> list[ParsedTest]:
        """Return all results, each before its subtests."""
        self._ltp.close(self._lava.case)
        if self._junit is not None:
            self._close_xml(self._junit, is_cut=True)
        names = SiblingNames()
        nested = self._ktap.finish(names)
        flat = [test for kept in self._flat_formats for test in kept.tests]
        flat.sort(key=lambda test: test.line or 0)
        return nested + with_own_names(flat, names)

    @property
    def missing(self) -> int:
        """How many announced results were not printed; valid after `finish`."""
        return self._ktap.missing

    @property
    def left_out(self) -> int:
        """How many results there was no room for; valid after `finish`."""
        flat = sum(kept.left_out for kept in self._flat_formats)
        return self._ktap.left_out + flat

    @property
    def failed_left_out(self) -> str | None:
        """The first of them that failed and is not a part of another result."""
        flat = (kept.failed_left_out for kept in self._flat_formats)
        return next(filter(None, (self._ktap.failed_left_out, *flat)), None)

    @property
    def _flat_formats(self) -> tuple[Kept, ...]:
        return self._lava.kept, self._ltp.kept, self._xml

    def _read_xml(self, junit: JUnit, line: str) -> None:
        try:
            junit.read(f"{line}\n", self._line)
        except NotJUnit:
            self._close_xml(junit, is_cut=junit.is_begun and not junit.is_over)
        else:
            if junit.is_over:
                self._close_xml(junit, is_cut=False)

    def _close_xml(self, junit: JUnit, *, is_cut: bool) -> None:
        """Keep the results of a document; if it is cut, at least one is missing."""
        for test in junit.kept.tests:
            self._xml.add(test)
        self._xml.left_out += junit.kept.left_out + is_cut
        self._junit = None


def outermost(tests: Iterable[ParsedTest]) -> list[ParsedTest]:
    """Return the results that are not a part of another result."""
    kept: list[ParsedTest] = []
    below = 0
    for test in tests:
        if not below:
            kept.append(test)
            below = test.subtests
        else:
            below -= 1
    return kept
