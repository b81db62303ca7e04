# SPDX-License-Identifier: LGPL-2.1-or-later
"""LAVA's signals: `<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass>`."""

import re

from kci_shared.rules.results.parsed import (
    Format,
    Kept,
    ParsedTest,
    TestStatus,
    short,
)

_SIGNAL = re.compile(r"<LAVA_SIGNAL_(?P<kind>[A-Z]+) ?(?P<rest>[^<>]*)>")
_FIELD = re.compile(r"\b([A-Z_]+)=(\S+)")
_STATUS = {"pass": TestStatus.PASS, "fail": TestStatus.FAIL, "skip": TestStatus.SKIP}


class LavaSignals:
    """Reads signals; the name of a case is below those of its run and its test set."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.case: str | None = None
        """The test case that has begun, but has no result yet."""
        self._run: str | None = None
        self._set: str | None = None

    def read(self, text: str, line: int) -> bool:
        """Read a signal; return whether it begins or ends a run or a case."""
        match = _SIGNAL.search(text)
        if match is None or text[: match.start()].endswith(("'", '"')):
            return False  # cut off, or a command that a shell prints before it runs it
        kind, rest = match["kind"], match["rest"].strip()
        name, _, more = rest.partition(" ")
        if kind == "TESTCASE":
            self._result(dict(_FIELD.findall(rest)), line)
        elif kind == "TESTSET":
            self._set = more if name == "START" else None
        elif kind in {"STARTRUN", "ENDRUN"}:  # `0_name id`
            self._run = name.partition("_")[2] if kind == "STARTRUN" else None
        elif kind in {"STARTTC", "ENDTC"}:
            self.case = name if kind == "STARTTC" else None
        return kind in {"STARTRUN", "ENDRUN", "STARTTC", "ENDTC"}

    def _result(self, fields: dict[str, str], line: int) -> None:
        if "TEST_CASE_ID" not in fields or "RESULT" not in fields:
            return
        path = (self._run, self._set, fields["TEST_CASE_ID"])
        self.kept.add(
            ParsedTest(
                path=tuple(short(name) for name in path if name),
                status=_STATUS.get(fields["RESULT"].lower(), TestStatus.ERROR),
                format=Format.LAVA,
                line=line,
                measurement=_number(fields.get("MEASUREMENT")),
                unit=fields.get("UNITS"),
            )
        )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
