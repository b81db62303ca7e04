# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the lines of a build: each error, and lines that may tell why `make` failed."""

import re
from collections.abc import Callable

from kci_log_parser.build import BuildError
from kci_log_parser.fault_report import Place
from kci_log_parser.lines import clean
from kci_shared.models import Severity

NEAR_LINES = 5
FAR_LINES = 60
"""How far above a failure of `make` its cause may stand: if there are other errors, and
if there are none."""

SOURCE = (
    r"[^\s:()'\"`]{0,300}(?:\.(?:[chSsliy]|cc|cpp|cxx|hh|hpp|rs|dtsi?|dtso|lds|asm|inc"
    r"|def|tbl|config)|Kconfig[\w.]*|Makefile[\w.]*|Kbuild|<stdin>|<command-line>)"
)
COMPILED = re.compile(
    rf"^(?P<at>{SOURCE}:\d+(?::\d+)?): ?(?P<message>(?:fatal |internal compiler )?"
    r"(?:[Ee]rror|[Ww]arning): .+)"
)
LINKED = re.compile(
    r"(?P<at>[^\s:()]{1,300}:(?:\d+|\([^)\s]{1,100}\))(?::\([^)\s]{1,100}\))?): ?"
    r"(?P<message>.+)"
)
TREE = re.compile(r"^(?:Error: )?(?P<at>[^\s:]{1,300}:\d+)[.:\d-]*:? ?(?P<message>.+)")
NOWHERE = re.compile(r"(?P<at>(?!))?(?P<message>.+)")
FUNCTION = re.compile(r"^(\S+): In (?:member )?function \W?([\w:~]{1,120})")
FAILED = re.compile(
    r"\bmake(?P<inner>\[\d+\])?: \*\*\* (?:\[.*\] )?"
    r"(?:Error \d+|Killed|Segmentation fault|Aborted|Bus error|Illegal instruction)"
)
STOP = re.compile(
    r"(?:(?P<at>[^\s:]{1,300}:\d+): )?\*\*\* "
    r"(?P<message>.*(?:  ?Stop\.|No rule to make).*)"
)
IDLE = re.compile(r"^(?:  [A-Z][A-Z0-9]* |\s*$|make(?:\[\d+\])?: |\+)")
"""Lines that explain no failure: commands of `make` and of a shell."""
CONSEQUENCES = re.compile(
    r"linker command failed with exit|ld returned \d+ exit|aborting due to|"
    r"could not compile|warnings? emitted|For more information about this error|"
    r"collect2: error"
)
HARMLESS = re.compile(
    r"Default configuration is based on|Waiting for unfinished|^\*{4}"
)


class Builds:
    """Reads the lines that may be errors or warnings of a build."""

    def __init__(self) -> None:
        self.before = b""
        """The line before one of `make`; it may tell what failed."""
        self._function: tuple[str, str] = ("", "")
        self._failed = False
        self._suspect: BuildError | None = None
        self._readers: dict[str, Callable[[str, Place], BuildError | None]] = {
            "error": lambda text, at: self._error("compiler", COMPILED, text, at),
            "tree-error": lambda text, at: self._error("compiler", TREE, text, at),
            "linker": lambda text, at: self._error("linker", LINKED, text, at),
            "modpost": lambda text, at: self._error("modpost", NOWHERE, text, at),
            "driver": lambda text, at: self._error("build-other", NOWHERE, text, at),
            "rust-error": self._rust,
            "warning": self._warning,
            "suspect": self._suspicion,
            "make": self._make,
        }

    def read(self, name: str, raw: bytes, place: Place) -> BuildError | None:
        """Read a line; return a report that it opens."""
        text = clean(raw)
        if name == "function":
            if match := FUNCTION.search(text):
                self._function = (match[1], match[2])
            return None
        return self._readers[name](text, place)

    def _error(
        self, kind: str, form: re.Pattern[str], text: str, place: Place
    ) -> BuildError | None:
        match = form.search(text)
        if CONSEQUENCES.search(text) or (match is None and kind == "compiler"):
            return None
        self._failed = True
        return self._report(kind, Severity.FAULT, match, text, place)

    def _report(
        self,
        kind: str,
        severity: Severity,
        match: re.Match[str] | None,
        text: str,
        place: Place,
    ) -> BuildError:
        report = BuildError(kind, severity, place, text)
        if match is not None:
            report.location = match["at"]
            report.message = match["message"]
        file, function = self._function
        if (report.location or "").partition(":")[0] == file:
            report.function = function or None
        return report

    def _warning(self, text: str, place: Place) -> BuildError | None:
        """Read a warning; objtool and modpost print no line numbers."""
        match = COMPILED.search(text)
        tool = "modpost" if "modpost" in text or "Section mismatch" in text else None
        if match is None and tool is None and "objtool" not in text:
            return None
        return self._report(tool or "compiler", Severity.WARNING, match, text, place)

    def _rust(self, text: str, place: Place) -> BuildError | None:
        """Read what is an error of rustc if a place follows, or if `make` fails."""
        if CONSEQUENCES.search(text):
            return None
        report = self._report("compiler", Severity.FAULT, None, text, place)
        report.is_certain = False
        self._suspect = report
        return report

    def _suspicion(self, text: str, place: Place) -> BuildError | None:
        """Read a line that is an error only if `make` fails soon after it."""
        last = self._suspect
        if HARMLESS.search(text) or (
            last and place.line - last.place.line <= NEAR_LINES
        ):
            return None
        kind = "make" if text.startswith("***") or "Kconfig" in text else "build-other"
        self._suspect = self._report(kind, Severity.FAULT, None, text, place)
        self._suspect.is_certain = False
        return self._suspect

    def _make(self, text: str, place: Place) -> BuildError | None:
        """Read an error of `make` itself, or that a command failed."""
        failed = FAILED.search(text)
        if failed is None:
            match = STOP.search(text)
            return self._error("make", STOP, text, place) if match else None
        if "(ignored)" in text or self._confirm(place.line):
            return None
        if self._failed:
            return None
        before = clean(self.before)
        headline = text if IDLE.match(before) else before
        report = self._report("build-other", Severity.FAULT, None, headline, place)
        report.is_certain = failed["inner"] is None
        self._suspect = report
        self._failed = report.is_certain
        return report

    def _confirm(self, line: int) -> bool:
        """Take the suspect for the cause of a failure, if it is near enough."""
        suspect = self._suspect
        if suspect is None:
            return False
        if line - suspect.place.line > (NEAR_LINES if self._failed else FAR_LINES):
            return False
        suspect.is_certain = self._failed = True
        return True
