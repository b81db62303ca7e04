# SPDX-License-Identifier: LGPL-2.1-or-later
"""The query of most sweeps: nodes of the last days that lack a service's mark."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from kci_shared.models import Node
from kci_shared.nodes import Nodes

SWEPT = timedelta(days=14)
"""How old nodes may be: longer than the history of events, and than a job waits."""
PAGE = 200
MOST_PAGES = 50
"""What one sweep does not reach is left to the next one."""


async def recent(
    api: Nodes, now: datetime, kind: str, state: str, **mark: Any
) -> AsyncIterator[Node]:
    """Yield nodes of the last days in a state, oldest first; none that was imported.

    An index has kind, state and id; `mark` filters what it yields.
    """
    after = first_id(now - SWEPT)
    for _ in range(MOST_PAGES):
        page = await api.find(
            kind=kind,
            state=state,
            id__gt=after,
            imported="null",  # what happened in another system has no effects here
            limit=PAGE,
            **mark,
        )
        for node in page:
            yield node
        if len(page) < PAGE:
            return
        after = page[-1].id


def first_id(time: datetime) -> str:
    """Return an id that is smaller than those of all nodes created since a time."""
    return f"{int(time.timestamp()):08x}" + 16 * "0"
