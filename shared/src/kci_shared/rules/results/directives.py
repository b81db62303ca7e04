# SPDX-License-Identifier: LGPL-2.1-or-later
r"""What follows `ok` or `not ok`: a description, a directive, a reason.

The status of a result, by its directive (docs.kernel.org/dev-tools/ktap.html):

=========  =======  ========  =======================================================
directive  `ok`     `not ok`  because
=========  =======  ========  =======================================================
(none)     pass     fail      any other word after `#` is plain text
SKIP       skip     skip      it may come with either, and nothing was tested
TODO       pass     skip      known not to work yet: a failure is no news
XFAIL      pass     pass      the test failed as it is expected to, which is what
                              kselftest prints as `ok ... # XFAIL`
TIMEOUT    fail     fail      it ran out of time; `ok` contradicts the directive
ERROR      error    error     it could not be carried out; `ok` contradicts, too
=========  =======  ========  =======================================================

SKIP and TODO are TAP's, which takes them in any case, and SKIPPED for SKIP. The others
are KTAP's, in capitals: `# timeout was 3 s` is plain text.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from kci_shared.rules.results.parsed import TestStatus, short


class Directive(StrEnum):
    """The first word after `#`, if it changes what a result means."""

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
"""What a directive makes of `ok` and of `not ok`."""

_WORDS = r"(?P<skip>(?i:SKIP))\w*|(?P<word>(?i:TODO)|XFAIL|TIMEOUT|ERROR)\b"
_HASH = re.compile(rf"(?<!\S)#(?!\S)|(?<!\\)#(?=\s?(?:{_WORDS}))")
"""Where the description ends: a name may be `counter #0 is set`."""
_DIRECTIVE = re.compile(rf"\s*(?:{_WORDS}):?\s*(?P<reason>.*)")


class Description(NamedTuple):
    """What stands after the number of a result."""

    name: str
    directive: Directive
    reason: str | None
    has_dash: bool
    """The name stands after ` - `."""


def describe(rest: str) -> Description:
    """Take apart what follows `ok 1`."""
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
    """Return how a test ended, by its directive and its `ok` or `not ok`."""
    of_ok, of_not_ok = STATUS[directive]
    return of_ok if is_ok else of_not_ok
