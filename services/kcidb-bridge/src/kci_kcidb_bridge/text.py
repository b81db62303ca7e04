# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make strangers' words fit for KCIDB: its database chokes on what JSON allows."""

import re
from typing import Any

LONGEST_EXCERPT = 16384
"""Of a log, in characters: the schema's own limit."""

NOT_IN_A_PATH = re.compile(r"[^A-Za-z0-9_-]")
NOT_IN_AN_ARCHITECTURE = re.compile(r"[^a-z0-9_]")
URL = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?"  # no user: a password may stand there
    r"(/([A-Za-z0-9._~:/@!$&'()*+,;=?-]|%[0-9A-Fa-f]{2})*)?"
    r"(#([A-Za-z0-9._~:/@!$&'()*+,;=?-]|%[0-9A-Fa-f]{2})*)?"
)
GIT_SCHEME = re.compile(r"^(git|http)://")


def clean(value: Any) -> Any:
    """Take NUL and lone surrogates out of all strings in a JSON value.

    Either of them in one row makes KCIDB lose the whole batch, other senders' too.
    """
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(key): clean(part) for key, part in value.items()}
    if isinstance(value, list):
        return [clean(part) for part in value]
    return value


def path(names: list[str]) -> str:
    """Join names to a test's path; a dot in a name makes no level of its own."""
    return ".".join(NOT_IN_A_PATH.sub("_", name) or "_" for name in names)


def file_name(name: str) -> str:
    """Return a name under which a file can be saved."""
    return clean(name).replace("/", "_") or "_"


def architecture(name: str | None) -> str | None:
    """Say an architecture in the letters that KCIDB takes."""
    return None if name is None else NOT_IN_AN_ARCHITECTURE.sub("_", name.lower())


def url(text: str | None) -> str | None:
    """Return a URL if KCIDB takes it, else None."""
    return text if text is not None and URL.fullmatch(text) else None


def git_url(text: str) -> str | None:
    """Return a repository's URL with https, if it can be had that way."""
    return url(GIT_SCHEME.sub("https://", text))
