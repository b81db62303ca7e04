# SPDX-License-Identifier: LGPL-2.1-or-later
"""What did not fit: said for each node and field, nothing is lost in silence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something of a document that is not here as it was there."""

    source: str
    """The collection, or `node` of a server."""
    id: str
    field: str
    """Empty: it is about the whole document."""
    said: str
