# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scan: a log's bytes in, what it shows out, in one pass and bounded memory.

Hyperscan runs over whole chunks, so Python sees only the lines that may tell something,
and what stands below a headline is read when it turns out to be news. Time grows with
the log's length and nothing else.
"""

from collections.abc import Iterable

from kci_log_parser.boot import Boot, Boots, Start
from kci_log_parser.build import BuildError
from kci_log_parser.build_lines import Sign, Topic
from kci_log_parser.builds import Builds
from kci_log_parser.engine import MAX_LINE, ROWS, lines_of_interest
from kci_log_parser.fault import Fault
from kci_log_parser.folded import Folded
from kci_log_parser.headlines import Marker, Severity
from kci_log_parser.lines import clean, may_lead, undecorated
from kci_log_parser.report import Place, Report
from kci_shared.models import Finding
from kci_shared.rules.results import ResultReader

MAX_TAIL = 1 << 16
"""How much is kept of a line that does not end, in bytes."""

KSELFTEST = "kselftest-fail"
SKIPPED = b"# SKIP"


class LogScanner:
    """Reads one log, chunk by chunk; its test results only with a reader of them."""

    def __init__(self, results: ResultReader | None = None) -> None:
        self._results = results
        self._found = Folded()
        self._warned = Folded()
        self._builds = Builds()
        self._boots = Boots()
        self._tail = b""
        self._before = b""
        self._line = 0
        self._byte = 0
        self._cut = 0
        self._report: Report | None = None

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes of the log."""
        text = self._tail + chunk if self._tail else chunk
        end = text.rfind(b"\n") + 1
        if end:
            self._read(text[:end])
        self._tail = text[end : end + MAX_TAIL]
        self._cut += len(text) - end - len(self._tail)

    def finish(self) -> list[Finding]:
        """Return what was found, in the order of the log."""
        if self._tail:
            self._read(self._tail + b"\n")
            self._tail = b""
        self._open(None)
        return self._found.findings()

    @property
    def banner(self) -> int | None:
        """The line on which a kernel first said its name."""
        return self._boots.banner

    @property
    def boot(self) -> Boot:
        """How far the board came."""
        return self._boots.finish(is_silent=not self._byte)

    @property
    def left_out(self) -> dict[str, int]:
        """How much of each there was no room for."""
        return {
            "events": self._found.left_out,
            "warnings": self._warned.left_out,
        }

    @property
    def warnings(self) -> list[Finding]:
        """What a build was warned of."""
        return self._warned.findings()

    def _read(self, text: bytes) -> None:
        """Read whole lines."""
        done = 0
        for start, end, hits in lines_of_interest(text, self._boots.goes_on):
            if start > done:
                self._pass(text, done, start)
            self._line += 1
            self._judge(text, start, end, hits)
            if self._report is not None:
                self._report.add(text, start, end)
            done = end
        self._pass(text, done, len(text))
        self._before = _line_before(text, len(text)) or self._before
        self._byte += len(text) + self._cut
        self._cut = 0

    def _pass(self, text: bytes, start: int, end: int) -> None:
        """Pass over lines that tell nothing; an open report keeps some."""
        self._boots.pass_over(text, start, end)
        self._line += text.count(b"\n", start, end)
        if self._report is not None:
            self._report.add(text, start, end)

    def _judge(
        self, text: bytes, start: int, end: int, hits: list[tuple[int, int]]
    ) -> None:
        """Look closely at a line that may tell something."""
        raw = text[start : min(end, start + MAX_LINE)]
        marker, sign = _rows(raw, hits)
        place = Place(self._line, self._byte + start + (self._cut if start else 0))
        if marker is not None and not (marker.kind == KSELFTEST and SKIPPED in raw):
            self._headline(marker, place, raw)
        if (sign is not None and sign.topic is Topic.TEST) or (
            marker is not None and marker.kind == KSELFTEST
        ):
            self._test(raw)
        elif marker is None and sign is not None and sign.topic is Topic.PHASE:
            self._boots.reach(sign.name, raw, hits[0][1], place.line)
        elif marker is None and sign is not None:
            if sign.name == "make":
                before = _line_before(text, start) if start else self._before
                self._builds.before = before
            if report := self._hear(sign, raw, place):
                self._open(report)

    def _hear(self, sign: Sign, raw: bytes, place: Place) -> Report | None:
        """Let those read a line whom it concerns; return a report that it opens."""
        if sign.topic is Topic.BOOT:
            if isinstance(self._report, Fault) and self._report.may_reset(place.line):
                self._boots.expect()
            return self._boots.hear(sign.name, raw, place)
        if sign.name == "suspect" and isinstance(self._report, Fault | Start):
            return None  # a shell on a board
        return self._builds.hear(sign.name, raw, place)

    def _test(self, raw: bytes) -> None:
        """Read a line of a test's result."""
        if self._results is not None:
            self._results.read_plain(undecorated(raw), self._line)

    def _headline(self, marker: Marker, place: Place, raw: bytes) -> None:
        if marker.kind == "panic":
            self._boots.expect()
        report = self._report
        if isinstance(report, Fault) and report.absorb(marker, place.line):
            return
        if not self._found.floods(marker.kind, marker.severity):
            self._open(Fault(marker, place, clean(raw)))

    def _open(self, report: Report | None) -> None:
        """Begin a report, and put away the one before."""
        closed, self._report = self._report, report
        if closed is not None and closed.stands:
            warned = (
                isinstance(closed, BuildError) and closed.severity == Severity.WARNING
            )
            (self._warned if warned else self._found).add(closed)


def _line_before(text: bytes, start: int) -> bytes:
    """Return the line that ends where another starts."""
    return text[
        text.rfind(b"\n", max(0, start - MAX_LINE), max(0, start - 1)) + 1 : start
    ]


def _rows(raw: bytes, hits: list[tuple[int, int]]) -> tuple[Marker | None, Sign | None]:
    """Return the headline that a line is, the particular first, and what else it is."""
    marker = sign = None
    for number, place in sorted(hits):
        row = ROWS[number]
        if isinstance(row, Sign):
            sign = sign or row
        elif marker is None and may_lead(row.lead, raw[:place]):
            marker = row
    return marker, sign


def scan(chunks: Iterable[bytes]) -> list[Finding]:
    """Return what a log shows."""
    scanner = LogScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.finish()
