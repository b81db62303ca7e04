# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reader of test results: lines in, results out, in linear time and bounded memory.

Levels, names, the results of each format and what is read of a line have bounds;
`left_out` tells how many results there was no room for.
"""

import re
from collections.abc import Iterable

from kci_shared.rules.results.junit import JUnit, NotJUnit
from kci_shared.rules.results.ktap import Ktap
from kci_shared.rules.results.lava import LavaSignals
from kci_shared.rules.results.ltp import Ltp
from kci_shared.rules.results.parsed import ParsedTest, SiblingNames
from kci_shared.text import plain

MAX_LINE = 1000
"""How much of a line is read, in characters; of XML all."""

_MAY_BE_RESULT = re.compile(
    r"\bok\b|TAP version \d|\b1\.\.\d|# Subtest: |# selftests: |<LAVA_SIGNAL_"
    r"|\bT(?:PASS|FAIL|BROK|CONF|WARN) *: |^tag=\S"
    r"|</?(?:testsuites?|testcase|failure|error|skipped|system-(?:out|err))\b"
    r"|<\?xml |<!\[CDATA\[|\]\]>"
)
_XML = re.compile(r"\s*<(?:\?xml |testsuites?[\s>])")


def may_be_result(line: str) -> bool:
    """Say whether a line may matter to the reader; most lines do not."""
    return _MAY_BE_RESULT.search(line, 0, MAX_LINE) is not None


class ResultReader:
    """Reads what a test, or a whole console, prints."""

    def __init__(self) -> None:
        self._ktap = Ktap()
        self._lava = LavaSignals()
        self._ltp = Ltp()
        self._junit: JUnit | None = None
        self._xml: list[ParsedTest] = []
        self._left_out = 0
        self._line = 0

    def read(self, line: str, number: int | None = None) -> None:
        """Read the next line; `number` tells it if not all lines come this way."""
        self._line = number or self._line + 1
        if self._junit is None and _XML.match(line):
            self._junit, line = JUnit(), line.lstrip()
        if self._junit is not None:
            self._read_xml(self._junit, line)
        elif may_be_result(line):
            self.read_plain(plain(line[:MAX_LINE]), self._line)

    def read_plain(self, line: str, number: int) -> None:
        """Read a line that `may_be_result`, is `plain` and not longer than read."""
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
        """Return all results: those with subtests before them."""
        self._ltp.close(self._lava.case)
        if self._junit is not None:
            self._close_xml(self._junit, is_cut=True)
        names = SiblingNames()
        nested = self._ktap.finish(names)
        flat = [*self._lava.found, *self._ltp.found, *self._xml]
        flat.sort(key=lambda test: test.line or 0)
        return nested + [
            test._replace(path=names.claim(test.path[:-1], test.path[-1]))
            for test in flat
        ]

    @property
    def missing(self) -> int:
        """How many results a plan promised that did not come; after `finish`."""
        return self._ktap.missing

    @property
    def left_out(self) -> int:
        """How many results there was no room for."""
        readers = (self._ktap, self._lava, self._ltp)
        return self._left_out + sum(reader.left_out for reader in readers)

    @property
    def failed_left_out(self) -> str | None:
        """The first of them that failed and is a part of no other result."""
        return self._ktap.failed_left_out

    def _read_xml(self, junit: JUnit, line: str) -> None:
        try:
            junit.read(f"{line}\n", self._line)
        except NotJUnit:
            self._close_xml(junit, is_cut=junit.is_begun and not junit.is_over)
        else:
            if junit.is_over:
                self._close_xml(junit, is_cut=False)

    def _close_xml(self, junit: JUnit, *, is_cut: bool) -> None:
        """Keep the results of a document; one that is cut has lost at least one."""
        self._xml += junit.found
        self._left_out += junit.left_out + is_cut
        self._junit = None


def outermost(tests: Iterable[ParsedTest]) -> list[ParsedTest]:
    """Return the results that are a part of no other result."""
    kept: list[ParsedTest] = []
    below = 0
    for test in tests:
        if not below:
            kept.append(test)
            below = test.subtests
        else:
            below -= 1
    return kept
