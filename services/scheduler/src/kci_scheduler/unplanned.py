# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scheduler's sweep: what is not planned, or not closed, although it could be."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from kci_scheduler.clock import utc_now
from kci_scheduler.closing import Closing
from kci_shared.config import Config
from kci_shared.events.unmarked import recent
from kci_shared.models import Checkout, Kind, Node, Result, State
from kci_shared.nodes import Nodes
from kci_shared.rules.verdicts import is_settled

NAMES_PER_QUERY = 50
"""How many names fit into a URL."""


class Query(NamedTuple):
    """Work that is done, and was not marked as planned."""

    kind: Kind
    names: str | None = None
    """Separated by commas; None for all."""

    @property
    def filters(self) -> dict[str, str]:
        """The filters next to kind and state."""
        named = {} if self.names is None else {"name__in": self.names}
        return {"data.planned__ne": "true", **named}


def queries(config: Config) -> Iterator[Query]:
    """Yield the queries for all work of a configuration."""
    yield Query(Kind.KBUILD)
    yield Query(Kind.JOB)
    tests = config.tests.items()
    names = sorted(name for name, test in tests if test.kind is Kind.PROCESS)
    for start in range(0, len(names), NAMES_PER_QUERY):
        some = names[start : start + NAMES_PER_QUERY]
        yield Query(Kind.PROCESS, ",".join(some))


class Unplanned:
    """Finds the nodes of which an event would make the scheduler do something."""

    def __init__(
        self,
        config: Callable[[], Config],
        api: Nodes,
        closing: Closing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._api = api
        self._closing = closing
        self._now = now

    async def nodes(self) -> AsyncIterator[Node]:
        """Yield what is to be planned, then the checkouts that are to be closed."""
        for query in queries(self._config()):
            async for node in recent(
                self._api, self._now(), query.kind, State.DONE, **query.filters
            ):
                if is_settled(node):
                    yield node
        async for node in recent(
            self._api, self._now(), Kind.CHECKOUT, State.AVAILABLE
        ):
            if isinstance(node, Checkout) and await self._is_owed(node):
                yield node

    async def _is_owed(self, checkout: Checkout) -> bool:
        if checkout.result is Result.PASS and not checkout.data.planned:
            return True
        return await self._closing.is_due(checkout)
