# SPDX-License-Identifier: LGPL-2.1-or-later
"""LAVA's signals and LTP's results: a line tells of one test, or of a part of it."""

import re

from kci_shared.rules.results.outcomes import MAX_NAME, Outcome, TestOutcome, slug

MAX_OUTCOMES = 20_000
"""How many tests are kept."""

SIGNAL = re.compile(r"<LAVA_SIGNAL_(?P<what>[A-Z]+) ?(?P<rest>[^<>]*)>")
SAID = re.compile(r"\b([A-Z_]+)=(\S+)")
LAVA_RESULTS = {"pass": Outcome.PASS, "fail": Outcome.FAIL, "skip": Outcome.SKIP}
LTP = re.compile(
    r"(?P<file>[\w./+-]{1,100}\.[ch]:\d+: |^(?P<test>[\w.+-]{1,100}) +\d+ +)"
    r"(?P<word>TPASS|TFAIL|TBROK|TCONF|TWARN) *: *(?P<why>.*)"
)
TAG = re.compile(r"^tag=(\S{1,100}) stime=")
WORST = ["TBROK", "TFAIL", "TPASS", "TWARN", "TCONF"]
"""Which of its words is a test's result: the first of these."""
LTP_RESULTS = {
    "TBROK": Outcome.ERROR,
    "TFAIL": Outcome.FAIL,
    "TPASS": Outcome.PASS,
    "TWARN": Outcome.PASS,
    "TCONF": Outcome.SKIP,
}


class Signals:
    """Reads results that stand on lines of their own."""

    def __init__(self) -> None:
        self.left_out = 0
        self._found: list[TestOutcome] = []
        self._sets: dict[str, str] = {}
        """What is open: the run, the test set, the test case."""
        self._ltp: TestOutcome | None = None
        self._word = ""

    def hear_signal(self, text: str, line: int) -> None:
        """Read a signal of LAVA's."""
        found = SIGNAL.search(text)
        if found is None or text[: found.start()].endswith(("'", '"')):
            return  # torn, or a shell that says what it is about to say
        what, rest = found["what"], found["rest"].strip()
        name, _, more = rest.partition(" ")
        if what in {"STARTRUN", "STARTTC"}:
            self._close_ltp()
            self._sets[what] = name.partition("_")[2] if what == "STARTRUN" else name
        elif what in {"ENDRUN", "ENDTC"}:
            self._close_ltp()
            self._sets.pop(f"START{what.removeprefix('END')}", None)
        elif what == "TESTSET" and name == "START":
            self._sets[what] = more
        elif what == "TESTSET":
            self._sets.pop(what, None)
        elif what == "TESTCASE":
            self._case(dict(SAID.findall(rest)), line)

    def hear_ltp(self, text: str, line: int) -> None:
        """Read a line of LTP's; a test says many, and the worst one counts."""
        if tag := TAG.match(text):
            self._close_ltp()
            self._sets["tag"] = tag[1]
            return
        found = LTP.search(text)
        if found is None:
            return
        file = (found["test"] or found["file"]).partition(":")[0].rpartition("/")[2]
        own = "" if file.startswith(("tst_", "safe_")) else file.removesuffix(".c")
        open_ = self._sets.get("STARTTC") or self._sets.get("tag")
        name = open_ or own or (self._ltp.name if self._ltp else file)
        if self._ltp is None or self._ltp.name != slug(name):
            self._close_ltp()
            self._word = found["word"]
        elif WORST.index(found["word"]) >= WORST.index(self._word):
            return
        self._word = found["word"]
        self._ltp = TestOutcome(
            name=slug(name),
            result=LTP_RESULTS[self._word],
            format="ltp",
            line=line,
            why=f"{self._word}: {found['why']}"[:MAX_NAME],
        )

    def finish(self) -> list[TestOutcome]:
        """Return all results, in the order of the log."""
        self._close_ltp()
        return self._found

    def _case(self, said: dict[str, str], line: int) -> None:
        if "TEST_CASE_ID" not in said or "RESULT" not in said:
            return
        above = [self._sets.get("STARTRUN"), self._sets.get("TESTSET")]
        path = [slug(name) for name in [*above, said["TEST_CASE_ID"]] if name]
        outcome = TestOutcome(
            name=".".join(path),
            result=LAVA_RESULTS.get(said["RESULT"].lower(), Outcome.ERROR),
            format="lava",
            line=line,
            measurement=_number(said.get("MEASUREMENT")),
            units=said.get("UNITS"),
        )
        self._keep(outcome)

    def _close_ltp(self) -> None:
        """Keep LTP's result, unless LAVA will tell it."""
        outcome, self._ltp = self._ltp, None
        self._sets.pop("tag", None)
        if outcome is not None and "STARTTC" not in self._sets:
            self._keep(outcome)

    def _keep(self, outcome: TestOutcome) -> None:
        if len(self._found) < MAX_OUTCOMES:
            self._found.append(outcome)
        else:
            self.left_out += 1


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
