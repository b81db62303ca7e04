# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab says, without the secrets that it may quote; pure."""

import re

from kci_shared.bridge.console import plain

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_CREDENTIALS = re.compile(r"\b(Bearer|Token|Basic)\s+\S+", re.IGNORECASE)


def redacted(text: str) -> str:
    """Bring text on one line, without the passwords and tokens that it may quote."""
    line = plain(" ".join(text.split()))
    return _CREDENTIALS.sub(r"\1 ***", _USERINFO.sub("", line))
