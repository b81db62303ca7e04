# SPDX-License-Identifier: LGPL-2.1-or-later
"""Masks the secrets that foreign text may quote, before it is logged or shown; pure."""

import re

from kci_shared.text import plain

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_CREDENTIALS = re.compile(r"\b(Bearer|Token|Basic)\s+\S+", re.IGNORECASE)


def redacted(text: str) -> str:
    """Return text as one line, without the passwords and tokens that it may quote."""
    line = plain(" ".join(text.split()))
    return _CREDENTIALS.sub(r"\1 ***", _USERINFO.sub("", line))
