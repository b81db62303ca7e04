# SPDX-License-Identifier: LGPL-2.1-or-later
"""JUnit XML, as pytest and labgrid write it, parsed piece by piece."""

from collections.abc import Iterator, Mapping
from xml.parsers import expat

from kci_shared.rules.results.parsed import (
    Format,
    Kept,
    ParsedTest,
    SiblingNames,
    TestStatus,
    short,
    with_own_names,
)

MAX_BYTES = 16 << 20
MAX_TOKEN_BYTES = 1 << 16
"""How long a tag may be. expat reads it anew with each piece until it ends."""
_ROOTS = ("testsuites", "testsuite")
_STATUS = {
    "failure": TestStatus.FAIL,
    "error": TestStatus.ERROR,
    "skipped": TestStatus.SKIP,
}


class NotJUnit(ValueError):
    """The file is not JUnit XML, or not safe to parse."""


class JUnit:
    """Parses one document."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.is_begun = False
        """The root element is one of JUnit's."""
        self.is_over = False
        """The root element has ended."""
        self._line: int | None = None
        self._depth = 0
        self._bytes = 0
        self._since_token = 0
        self._case: ParsedTest | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, piece: str | bytes, line: int | None = None) -> None:
        """Parse the next piece, which begins on that line; raises `NotJUnit`."""
        self._bytes += len(piece)
        self._since_token += len(piece)
        self._line = line
        try:
            self._parser.Parse(piece, False)
        except expat.ExpatError as error:
            raise NotJUnit(f"not XML: {error}") from error
        if self._bytes > MAX_BYTES or self._since_token > MAX_TOKEN_BYTES:
            raise NotJUnit(f"longer than {MAX_BYTES} bytes, or one tag is too long")

    def finish(self) -> None:
        """Raise `NotJUnit` if the document is not whole."""
        if not self.is_over:
            raise NotJUnit("it ends before its last tag")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._since_token = 0
        if self._depth == 0 and tag not in _ROOTS:
            raise NotJUnit(f"its root is <{tag}>, not <testsuites> or <testsuite>")
        self._depth += 1
        self.is_begun = True
        if tag == "testcase":
            self._case = _test(attributes, self._line)
        elif tag in _STATUS and self._case and self._case.status is TestStatus.PASS:
            reason = short(attributes.get("message", "")) or None
            self._case = self._case._replace(status=_STATUS[tag], reason=reason)

    def _end(self, tag: str) -> None:
        self._since_token = 0
        self._depth -= 1
        self.is_over = self._depth == 0
        if tag == "testcase" and self._case is not None:
            self.kept.add(self._case)
            self._case = None

    def _text(self, _: str) -> None:
        self._since_token = 0

    def _refuse(self, *_: object) -> None:
        raise NotJUnit("it declares a document type, which could declare entities")


def _test(attributes: Mapping[str, str], line: int | None) -> ParsedTest:
    path = (attributes.get("classname", ""), attributes.get("name", ""))
    seconds = _number(attributes.get("time", ""))
    return ParsedTest(
        path=tuple(short(part) for part in path if part.strip()) or ("unnamed",),
        status=TestStatus.PASS,
        format=Format.JUNIT,
        line=line,
        measurement=seconds,
        unit=None if seconds is None else "seconds",
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def is_junit(start: bytes) -> bool:
    """Return whether a file with this beginning may be JUnit XML."""
    is_xml = start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<"
    return is_xml and b"<testsuite" in start[:4096]


def read_junit(pieces: Iterator[bytes]) -> Kept:
    """Return the results in a file, and how many were left out; raises `NotJUnit`."""
    junit = JUnit()
    for piece in pieces:
        for start in range(0, len(piece), MAX_TOKEN_BYTES):
            junit.read(piece[start : start + MAX_TOKEN_BYTES])
    junit.finish()
    junit.kept.tests = with_own_names(junit.kept.tests, SiblingNames())
    return junit.kept
