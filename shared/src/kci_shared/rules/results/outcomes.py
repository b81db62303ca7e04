# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a test is said to have done, in whatever format it was said."""

import re
from enum import StrEnum

from pydantic import BaseModel

MAX_NAME = 200
"""How much of a test's name is kept, and of the reason of its result."""


class Outcome(StrEnum):
    """How a test ended."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    SKIP = "skip"
    """Not run, or not expected to work."""
    ERROR = "error"
    """It could not be carried out: it says nothing of the kernel."""
    CRASH = "crash"
    """It began, and its result never came."""


class TestOutcome(BaseModel):
    """One test of a log."""

    __test__ = False  # pytest shall not collect it

    name: str
    """Its path, with dots: `net.tls_sh.send_then_sendfile`."""
    result: Outcome
    format: str
    """`ktap`, `lava`, `ltp` or `junit`."""
    line: int | None = None
    why: str | None = None
    """What was said of the result: a directive, a message."""
    measurement: float | None = None
    units: str | None = None
    subtests: int = 0
    """How many of the tests that follow are its own."""


def slug(name: str) -> str:
    """Return a name of which a path can be made."""
    parts = name.removeprefix("selftests: ").replace(": ", ".")
    return re.sub(r"[^\w.+-]+", "_", parts[:MAX_NAME]).strip("_.")
