# SPDX-License-Identifier: LGPL-2.1-or-later
"""LTP, the Linux Test Project: of a test's many verdicts the worst one counts."""

import re

from kci_shared.rules.results.parsed import (
    Format,
    Kept,
    ParsedTest,
    TestStatus,
    short,
)

_VERDICT = re.compile(
    r"(?P<file>[\w./+-]{1,100}\.[ch]:\d+: |^(?P<test>[\w.+-]{1,100}) +\d+ +)"
    r"(?P<word>TPASS|TFAIL|TBROK|TCONF|TWARN) *: *(?P<why>.*)"
)
_TAG = re.compile(r"^tag=(\S{1,100}) stime=")
_WORST_FIRST = {
    "TBROK": TestStatus.ERROR,
    "TFAIL": TestStatus.FAIL,
    "TPASS": TestStatus.PASS,
    "TWARN": TestStatus.PASS,
    "TCONF": TestStatus.SKIP,
}
"""The status for each word; if a test prints several, the first of these counts."""
_WORDS = list(_WORST_FIRST)


class Ltp:
    """Reads LTP's lines; one test ends where the next one begins."""

    def __init__(self) -> None:
        self.kept = Kept()
        self._tag: str | None = None
        self._test: ParsedTest | None = None
        self._word = ""

    def read(self, text: str, line: int, case: str | None) -> None:
        """Read a line; `case` is the test case of LAVA that is open, if one is."""
        if tag := _TAG.match(text):
            self.close(case)
            self._tag = tag[1]
        elif match := _VERDICT.search(text):
            self._verdict(match, line, case)

    def close(self, case: str | None) -> None:
        """Keep the result of the test that ends, unless LAVA prints it itself."""
        test, self._test, self._tag = self._test, None, None
        if test is not None and case is None:
            self.kept.add(test)

    def _verdict(self, match: re.Match[str], line: int, case: str | None) -> None:
        file = (match["test"] or match["file"]).partition(":")[0].rpartition("/")[2]
        is_library = file.startswith(("tst_", "safe_"))
        own = None if is_library else file.removesuffix(".c")
        before = self._test.path[0] if self._test else None
        name = short(case or self._tag or own or before or file)
        word = match["word"]
        if self._test is None or before != name:
            self.close(case)
            self._test = ParsedTest((name,), TestStatus.PASS, Format.LTP)
        elif _WORDS.index(word) >= _WORDS.index(self._word):
            return
        self._word = word
        self._test = self._test._replace(
            status=_WORST_FIRST[word],
            line=line,
            reason=short(f"{word}: {match['why']}"),
        )
