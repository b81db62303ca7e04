# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scan: a log's bytes in, its findings out, in one pass and bounded memory.

RE2 runs over whole chunks, so Python sees only the lines that may hold a headline and
the first lines below each. Time grows with the log's length and nothing else.
"""

from collections.abc import Iterable

from kci_log_parser.engine import candidates, has_banner, has_level, marker_of
from kci_log_parser.lines import clean
from kci_log_parser.markers import LEVEL
from kci_log_parser.report import FaultReport
from kci_shared.models import Finding

MAX_TAIL = 1 << 16
"""How much is kept of a line that does not end, in bytes."""
MAX_OF_A_KIND = 10
MAX_OF_A_SEVERITY = 20
"""How many findings are kept, so that they fit on a node; repeats are counted on."""


class LogScanner:
    """Reads one log, chunk by chunk."""

    def __init__(self) -> None:
        self.banner: int | None = None
        """The line on which a kernel first said its name."""
        self._found: dict[str, Finding] = {}
        self._tail = b""
        self._line = 0
        self._report: FaultReport | None = None

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes of the log."""
        text = self._tail + chunk
        end = text.rfind(b"\n") + 1
        self._tail = text[end : end + MAX_TAIL]
        self._read(text[:end])

    def finish(self) -> list[Finding]:
        """Return what was found, in the order of the log."""
        if self._tail:
            self._read(self._tail + b"\n")
            self._tail = b""
        self._close()
        return list(self._found.values())

    def _read(self, text: bytes) -> None:
        """Read whole lines."""
        done = 0
        for hit in candidates(text):
            if hit < done:
                continue  # a second one in the same line
            start = text.rfind(b"\n", done, hit) + 1 or done
            end = text.find(b"\n", hit) + 1
            self._pass(text, done, start)
            self._line += 1
            self._judge(text[start:end])
            done = end
        self._pass(text, done, len(text))

    def _pass(self, text: bytes, start: int, end: int) -> None:
        """Pass over lines that hold no headline; an open report reads some."""
        self._line += text.count(b"\n", start, end)
        while self._report is not None and self._report.hungry and start < end:
            stop = text.find(b"\n", start, end) + 1
            self._report.add(clean(text[start:stop]))
            start = stop

    def _judge(self, raw: bytes) -> None:
        """Look closely at a line that may hold a headline."""
        text = clean(raw)
        marker = marker_of(text) or (LEVEL if has_level(raw) else None)
        if marker is None:
            self._pass_by(raw, text)
        elif self._report is None or not self._report.absorb(marker, self._line, text):
            self._close()
            self._report = FaultReport(marker, self._line, text)

    def _pass_by(self, raw: bytes, text: str) -> None:
        if self._report is not None:
            self._report.add(text)
        if self.banner is None and has_banner(raw):
            self.banner = self._line

    def _close(self) -> None:
        """Turn the open report into a finding, or count a finding once more."""
        report, self._report = self._report, None
        if report is None:
            return
        if known := self._found.get(report.signature):
            known.count += 1
            known.severity = min(known.severity, report.severity)  # "fault" wins
        elif self._has_room(report):
            self._found[report.signature] = report.finding()

    def _has_room(self, report: FaultReport) -> bool:
        found = self._found.values()
        alike = [each.kind for each in found if each.severity == report.severity]
        few_of_its_kind = alike.count(report.kind) < MAX_OF_A_KIND
        return few_of_its_kind and len(alike) < MAX_OF_A_SEVERITY


def scan(chunks: Iterable[bytes]) -> list[Finding]:
    """Return what a log shows."""
    scanner = LogScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.finish()
