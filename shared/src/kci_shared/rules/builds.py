# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a build failed, in one line; pure."""

from collections.abc import Iterable

from kci_shared.models import Finding
from kci_shared.rules.verdicts import faults


def build_failure(
    findings: Iterable[Finding] | None, reported: str | None
) -> str | None:
    """Return the message of a failed build: the first error that its log shows.

    A builder sees make give up (`make[2]: *** [...] Error 1`) and reports that; whoever
    has read the whole log knows the line before it. `reported` counts if the log shows
    no error.
    """
    return next((one.headline for one in faults(findings)), reported)
