# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the lines of a build: every error, and what may explain that `make` gave up."""

import re
from collections.abc import Callable

from kci_log_parser.build import BuildError
from kci_log_parser.lines import clean
from kci_log_parser.report import Place
from kci_shared.models import Severity

NEAR = 5
FAR = 60
"""For how many lines a suspect explains that `make` gave up: with others, and alone."""

SOURCE = (
    r"[^\s:()'\"`]{0,300}(?:\.(?:[chSsliy]|cc|cpp|cxx|hh|hpp|rs|dtsi?|dtso|lds|asm|inc"
    r"|def|tbl|config)|Kconfig[\w.]*|Makefile[\w.]*|Kbuild|<stdin>|<command-line>)"
)
COMPILED = re.compile(
    rf"^(?P<at>{SOURCE}:\d+(?::\d+)?): ?(?P<what>(?:fatal |internal compiler )?"
    r"(?:[Ee]rror|[Ww]arning): .+)"
)
LINKED = re.compile(
    r"(?P<at>[^\s:()]{1,300}:(?:\d+|\([^)\s]{1,100}\))(?::\([^)\s]{1,100}\))?): ?"
    r"(?P<what>.+)"
)
TREE = re.compile(r"^(?:Error: )?(?P<at>[^\s:]{1,300}:\d+)[.:\d-]*:? ?(?P<what>.+)")
NOWHERE = re.compile(r"(?P<at>(?!))?(?P<what>.+)")
FUNCTION = re.compile(r"^(\S+): In (?:member )?function \W?([\w:~]{1,120})")
GAVE_UP = re.compile(
    r"\bmake(?P<inner>\[\d+\])?: \*\*\* (?:\[.*\] )?"
    r"(?:Error \d+|Killed|Segmentation fault|Aborted|Bus error|Illegal instruction)"
)
STOP = re.compile(
    r"(?:(?P<at>[^\s:]{1,300}:\d+): )?\*\*\* "
    r"(?P<what>.*(?:  ?Stop\.|No rule to make).*)"
)
IDLE = re.compile(r"^(?:  [A-Z][A-Z0-9]* |\s*$|make(?:\[\d+\])?: |\+)")
"""Lines that explain nothing: what `make` does, what a shell repeats."""
CONSEQUENCES = re.compile(
    r"linker command failed with exit|ld returned \d+ exit|aborting due to|"
    r"could not compile|warnings? emitted|For more information about this error|"
    r"collect2: error"
)
INNOCENT = re.compile(
    r"Default configuration is based on|Waiting for unfinished|^\*{4}"
)


class Builds:
    """Hears the lines that may tell of a build's trouble."""

    def __init__(self) -> None:
        self.before = b""
        """The line before one of `make`'s: what failed may stand there."""
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
            if found := FUNCTION.search(text):
                self._function = (found[1], found[2])
            return None
        return self._readers[name](text, place)

    def _error(
        self, kind: str, form: re.Pattern[str], text: str, place: Place
    ) -> BuildError | None:
        found = form.search(text)
        if CONSEQUENCES.search(text) or (found is None and kind == "compiler"):
            return None
        self._failed = True
        return self._report(kind, Severity.FAULT, found, text, place)

    def _report(
        self,
        kind: str,
        severity: Severity,
        found: re.Match[str] | None,
        text: str,
        place: Place,
    ) -> BuildError:
        report = BuildError(kind, severity, place, text)
        if found is not None:
            report.location = found["at"]
            report.what = found["what"]
        file, function = self._function
        if (report.location or "").partition(":")[0] == file:
            report.function = function or None
        return report

    def _warning(self, text: str, place: Place) -> BuildError | None:
        """Read a warning; those of objtool and modpost name no line."""
        found = COMPILED.search(text)
        tool = "modpost" if "modpost" in text or "Section mismatch" in text else None
        if found is None and tool is None and "objtool" not in text:
            return None
        return self._report(tool or "compiler", Severity.WARNING, found, text, place)

    def _rust(self, text: str, place: Place) -> BuildError | None:
        """Read what is an error of rustc if a place follows, or if `make` gives up."""
        if CONSEQUENCES.search(text):
            return None
        report = self._report("compiler", Severity.FAULT, None, text, place)
        report.certain = False
        self._suspect = report
        return report

    def _suspicion(self, text: str, place: Place) -> BuildError | None:
        """Read a line that means something only if `make` gives up below it."""
        last = self._suspect
        if INNOCENT.search(text) or (last and place.line - last.place.line <= NEAR):
            return None
        kind = "make" if text.startswith("***") or "Kconfig" in text else "build-other"
        self._suspect = self._report(kind, Severity.FAULT, None, text, place)
        self._suspect.certain = False
        return self._suspect

    def _make(self, text: str, place: Place) -> BuildError | None:
        """Read what `make` says: an error of its own, or that a command failed."""
        gave_up = GAVE_UP.search(text)
        if gave_up is None:
            found = STOP.search(text)
            return self._error("make", STOP, text, place) if found else None
        if "(ignored)" in text or self._confirm(place.line):
            return None
        if self._failed:
            return None
        said = clean(self.before)
        report = self._report("build-other", Severity.FAULT, None, said or text, place)
        if IDLE.match(said):
            report = self._report("build-other", Severity.FAULT, None, text, place)
        report.certain = gave_up["inner"] is None
        self._suspect = report
        self._failed = report.certain
        return report

    def _confirm(self, line: int) -> bool:
        """Take the suspect for the cause of what failed, if it is near enough."""
        suspect = self._suspect
        if suspect is None:
            return False
        if line - suspect.place.line > (NEAR if self._failed else FAR):
            return False
        suspect.certain = self._failed = True
        return True
