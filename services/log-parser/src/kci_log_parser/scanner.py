# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a log's bytes in one pass, in bounded memory and time linear in its length.

Hyperscan scans whole chunks, so Python sees only the lines of interest. The lines below
a headline are read closely only if its signature is new.
"""

from collections.abc import Iterable, Sequence

from kci_log_parser.boot import Boot
from kci_log_parser.boots import Boots
from kci_log_parser.build import BuildError
from kci_log_parser.builds import Builds
from kci_log_parser.engine import (
    MAX_LINE_BYTES,
    Hit,
    Line,
    Row,
    faults_engine,
    full_engine,
)
from kci_log_parser.fault import Fault
from kci_log_parser.fault_lines import Headline
from kci_log_parser.fault_report import Place, Report
from kci_log_parser.forms import Form, Topic
from kci_log_parser.lines import clean, may_lead, undecorated
from kci_log_parser.starts import Start
from kci_log_parser.unique_findings import Folded
from kci_shared.models import Finding, Severity
from kci_shared.rules.results import ResultReader

MAX_TAIL_BYTES = 1 << 16
"""How much is kept of a line that does not end."""

KSELFTEST = "kselftest-fail"
SKIPPED = b"# SKIP"


class LogScanner:
    """Reads one log, chunk by chunk; its test results only with a reader of them."""

    def __init__(self, results: ResultReader | None = None) -> None:
        self._results = results
        self._engine = faults_engine() if results is None else full_engine()
        self._findings = Folded()
        self._warnings = Folded()
        self._builds = Builds()
        self._boots = Boots()
        self._tail = b""
        """The beginning of a line that goes on in the next chunk."""
        self._before = b""
        """The last line of the chunk before."""
        self._line = 0
        self._byte = 0
        """Where the lines that are read now begin in the log."""
        self._cut = 0
        """How many bytes of the first of them were dropped."""
        self._report: Report | None = None

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes of the log."""
        text = self._tail + chunk if self._tail else chunk
        end = text.rfind(b"\n") + 1
        if end:
            self._read(text[:end])
        self._tail = text[end : end + MAX_TAIL_BYTES]
        self._cut += len(text) - end - len(self._tail)

    def finish(self) -> list[Finding]:
        """Return the findings, in the order of the log."""
        if self._tail:
            self._read(self._tail + b"\n")
            self._tail = b""
        self._open(None)
        return self._findings.findings()

    @property
    def banner(self) -> int | None:
        """The line on which a kernel first printed its version."""
        return self._boots.banner

    @property
    def boot(self) -> Boot:
        """How far the board came."""
        return self._boots.finish(is_silent=not self._byte)

    @property
    def left_out(self) -> dict[str, int]:
        """How many findings and warnings there was no room for."""
        return {
            "events": self._findings.left_out,
            "warnings": self._warnings.left_out,
        }

    @property
    def warnings(self) -> list[Finding]:
        """The warnings of a build."""
        return self._warnings.findings()

    def _read(self, text: bytes) -> None:
        """Read whole lines."""
        done = 0
        for line in self._engine.lines(text, self._boots.goes_on):
            start, end, _ = line
            if start > done:
                self._pass(text, done, start)
            self._line += 1
            self._judge(text, line)
            if self._report is not None:
                self._report.add(text, start, end)
            done = end
        self._pass(text, done, len(text))
        self._before = _line_before(text, len(text)) or self._before
        self._byte += len(text) + self._cut
        self._cut = 0

    def _pass(self, text: bytes, start: int, end: int) -> None:
        """Pass over lines of no interest; an open report keeps some."""
        self._boots.pass_over(text, start, end)
        self._line += text.count(b"\n", start, end)
        if self._report is not None:
            self._report.add(text, start, end)

    def _judge(self, text: bytes, line: Line) -> None:
        """Look closely at a line of interest."""
        start, end, hits = line
        raw = text[start : min(end, start + MAX_LINE_BYTES)]
        headline, form = _rows(self._engine.rows, raw, hits)
        place = Place(self._line, self._byte + start + (self._cut if start else 0))
        is_kselftest = headline is not None and headline.kind == KSELFTEST
        if headline is not None and not (is_kselftest and SKIPPED in raw):
            self._headline(headline, place, raw)
        if is_kselftest or (form is not None and form.topic is Topic.RESULT):
            self._result(raw)
        elif headline is None and form is not None:
            if form.topic is Topic.PHASE:
                self._boots.reach(form.name, raw, hits[0][1], place.line)
                return
            if form.name == "make":
                before = _line_before(text, start) if start else self._before
                self._builds.before = before
            if report := self._report_of(form, raw, place):
                self._open(report)

    def _report_of(self, form: Form, raw: bytes, place: Place) -> Report | None:
        """Let those read a line whom it concerns; return a report that it opens."""
        if form.topic is Topic.BOOT:
            if isinstance(self._report, Fault) and self._report.may_reset(place.line):
                self._boots.expect()
            return self._boots.read(form.name, raw, place)
        if form.name == "suspect" and isinstance(self._report, Fault | Start):
            return None  # a shell on a board
        return self._builds.read(form.name, raw, place)

    def _result(self, raw: bytes) -> None:
        """Read a line that may be the result of a test."""
        if self._results is not None:
            self._results.read_plain(undecorated(raw), self._line)

    def _headline(self, headline: Headline, place: Place, raw: bytes) -> None:
        if headline.kind == "panic":
            self._boots.expect()
        report = self._report
        if isinstance(report, Fault) and report.absorb(headline, place.line):
            return
        if not self._findings.floods(headline.kind, headline.severity):
            self._open(Fault(headline, place, clean(raw)))

    def _open(self, report: Report | None) -> None:
        """Begin a report, and put away the one before."""
        closed, self._report = self._report, report
        if closed is None or not closed.is_finding:
            return
        is_build = isinstance(closed, BuildError)
        is_warning = is_build and closed.severity == Severity.WARNING
        (self._warnings if is_warning else self._findings).add(closed)


def _line_before(text: bytes, start: int) -> bytes:
    """Return the line that ends where another starts."""
    return text[
        text.rfind(b"\n", max(0, start - MAX_LINE_BYTES), max(0, start - 1)) + 1 : start
    ]


def _rows(
    rows: Sequence[Row], raw: bytes, hits: list[Hit]
) -> tuple[Headline | None, Form | None]:
    """Return the headline that a line is, the particular first, and what else it is."""
    headline = form = None
    for number, at in sorted(hits):
        row = rows[number]
        if isinstance(row, Form):
            form = form or row
        elif headline is None and may_lead(row.lead, raw[:at]):
            headline = row
    return headline, form


def scan(chunks: Iterable[bytes]) -> list[Finding]:
    """Return the findings in a log."""
    scanner = LogScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.finish()
