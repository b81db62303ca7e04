# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an import changed, left out or refused; all of it is reported."""

from collections.abc import Callable
from dataclasses import dataclass

Note = Callable[[str, str], None]
"""Called with a field and a message about it."""


@dataclass(frozen=True)
class Problem:
    """Something of a document that was changed, left out or refused."""

    source: str
    """The collection; `node` for nodes of a server."""
    id: str
    field: str
    """Empty if the problem concerns the whole document."""
    message: str


def refusal(source: str, id_: str, reason: str) -> Problem:
    """Return the problem of a document that is not imported."""
    return Problem(source, id_, "", f"refused: {reason}")
