# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a build failed, in one line; pure."""

import re
from collections.abc import Iterable

from kci_shared.models import Finding
from kci_shared.rules.verdicts import faults

ERROR = re.compile(
    r"error(?:\[E\d+\])?: |\b(?:Error|ERROR)(?: \(\w+\))?: |FATAL: |"
    r"undefined reference to |multiple definition of |\*\*\* "
)
MAKE = re.compile(r"make(?:\[\d+\])?: ")
MAX_MESSAGE_CHARS = 500


def build_failure(
    findings: Iterable[Finding] | None, reported: str | None
) -> str | None:
    """Return the message of a failed build: the first error that its log shows.

    The builder reports what it finds at the end of the log, at worst what make says as
    it gives up. `reported` is kept if the log shows no error.
    """
    return next((one.headline for one in faults(findings)), reported)


def first_error(log: str) -> str | None:
    """Return the line of a build's log that explains best why make failed.

    That is the first error of a tool; what make says of it counts if there is no other.
    A builder reports it at once; the log parser replaces it when it has read the whole
    log (see `build_failure`).
    """
    lines = [line.strip() for line in log.splitlines() if ERROR.search(line)]
    causes = [line for line in lines if not MAKE.match(line)]
    return next(iter(causes or lines), "")[:MAX_MESSAGE_CHARS] or None
