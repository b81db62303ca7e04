# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a failed event is handled again, and when it is given up; pure."""

from kci_shared.errors import KciError

FIRST_PAUSE_S = 0.5
"""Pause before the first retry of an event; it doubles with each retry."""
LONGEST_PAUSE_S = 8.0
MAX_CRASHES = 10
"""After so many attempts an event that crashes its handler is given up."""


def pause_s(attempts: int) -> float:
    """Return the pause after so many failed attempts."""
    return min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 10), LONGEST_PAUSE_S)


def is_given_up(error: Exception, attempts: int) -> bool:
    """Say whether an event that failed with this error is not handled again."""
    if isinstance(error, KciError):
        return not error.retryable
    return attempts >= MAX_CRASHES
