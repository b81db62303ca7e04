# SPDX-License-Identifier: LGPL-2.1-or-later
r"""The rest of a result line: its description, directive and reason.

The status of a test, by its directive (docs.kernel.org/dev-tools/ktap.html):

=========  =======  ========  =======================================================
directive  `ok`     `not ok`  because
=========  =======  ========  =======================================================
(none)     pass     fail      any other word after `#` is diagnostic data
SKIP       skip     skip      nothing was tested; allowed with `ok` and `not ok`
TODO       pass     skip      known not to work yet, so a failure says nothing
XFAIL      pass     pass      it failed as expected; kselftest prints this with `ok`
TIMEOUT    fail     fail      it timed out; `ok` is a mistake of the test
ERROR      error    error     it could not be carried out; `ok` is a mistake, too
=========  =======  ========  =======================================================

SKIP (also as SKIPPED) and TODO come from TAP, which allows small letters. The others
come from KTAP and are in capitals: `# timeout was 3 s` is diagnostic data.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from kci_shared.rules.results.parsed import TestStatus, short


class Directive(StrEnum):
    """The first word after `#`, if it changes the meaning of a result."""

    NONE = ""
    SKIP = "SKIP"
    TODO = "TODO"
    XFAIL = "XFAIL"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"


STATUS: dict[Directive, tuple[TestStatus, TestStatus]] = {
    Directive.NONE: (TestStatus.PASS, TestStatus.FAIL),
    Directive.SKIP: (TestStatus.SKIP, TestStatus.SKIP),
    Directive.TODO: (TestStatus.PASS, TestStatus.SKIP),
    Directive.XFAIL: (TestStatus.PASS, TestStatus.PASS),
    Directive.TIMEOUT: (TestStatus.FAIL, TestStatus.FAIL),
    Directive.ERROR: (TestStatus.ERROR, TestStatus.ERROR),
}
"""The status of `ok` and of `not ok` with each directive."""

_WORDS = r"(?P<skip>(?i:SKIP))\w*|(?P<word>(?i:TODO)|XFAIL|TIMEOUT|ERROR)\b"
_HASH = re.compile(rf"(?<!\S)#(?!\S)|(?<!\\)#(?=\s?(?:{_WORDS}))")
"""The end of the description; `#` in `counter #0 is set` is none."""
_DIRECTIVE = re.compile(rf"\s*(?:{_WORDS}):?\s*(?P<reason>.*)")


class Description(NamedTuple):
    """The rest of a result line, after its number."""

    name: str
    directive: Directive
    reason: str | None
    has_dash: bool
    """There is a ` - ` before the name."""


def describe(rest: str) -> Description:
    """Parse the rest of a result line."""
    found = _HASH.search(rest) if "#" in rest else None
    text, comment = rest, ""
    if found is not None:
        text, comment = rest[: found.start()], rest[found.start() + 1 :]
    text = short(text)
    has_dash = text.startswith("- ")
    name = text[2:] if has_dash else text
    match = _DIRECTIVE.match(comment)
    if match is None:
        return Description(name, Directive.NONE, short(comment) or None, has_dash)
    word = "SKIP" if match["skip"] else match["word"].upper()
    reason = short(f"{word} {match['reason']}")
    return Description(name, Directive(word), reason, has_dash)


def status_of(directive: Directive, *, is_ok: bool) -> TestStatus:
    """Return the status of a test by its directive and its `ok` or `not ok`."""
    of_ok, of_not_ok = STATUS[directive]
    return of_ok if is_ok else of_not_ok
