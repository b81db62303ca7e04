# SPDX-License-Identifier: LGPL-2.1-or-later
"""The email reporter's sweep: regressions and first results without their mail."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from kci_email_reporter.reporter import Reporter, lacks_mail
from kci_shared.events.unmarked import recent
from kci_shared.models import Checkout, Kind, Node, Regression, Result, State, Status
from kci_shared.nodes import Nodes

BATCH = 100
"""The mails on how many nodes are queried at once: their ids fit into a URL."""


class Unsent:
    """Finds the nodes of which an event would make the reporter write a mail."""

    def __init__(self, api: Nodes, reporter: Reporter) -> None:
        self._api = api
        self._reporter = reporter
        self._later: set[str] = set()
        """Checkouts that are not the first one of their branch, and never will be."""

    async def nodes(self) -> AsyncIterator[Node]:
        """Yield regressions, then the checkouts whose first results were not mailed."""
        now = datetime.now(UTC)
        broken = {"result": Result.FAIL.value}
        fixed = {"data.status": Status.FIXED.value}
        for which in (broken, fixed):
            nodes = recent(self._api, now, Kind.REGRESSION, State.DONE, **which)
            async for node, keys in self._with_mails(nodes):
                if isinstance(node, Regression) and lacks_mail(node, keys):
                    yield node
        nodes = recent(self._api, now, Kind.CHECKOUT, State.DONE)
        async for node, keys in self._with_mails(nodes):
            if isinstance(node, Checkout) and not keys and await self._is_owed(node):
                yield node

    async def _is_owed(self, checkout: Checkout) -> bool:
        if checkout.id in self._later:
            return False
        if not await self._reporter.is_first(checkout):
            self._later.add(checkout.id)
            return False
        return await self._reporter.summary(checkout) is not None

    async def _with_mails(
        self, nodes: AsyncIterator[Node]
    ) -> AsyncIterator[tuple[Node, set[str]]]:
        """Yield each node with the keys of the mails on it."""
        batch: list[Node] = []
        async for node in nodes:
            batch.append(node)
            if len(batch) == BATCH:
                for pair in await self._pairs(batch):
                    yield pair
                batch = []
        for pair in await self._pairs(batch):
            yield pair

    async def _pairs(self, nodes: list[Node]) -> list[tuple[Node, set[str]]]:
        keys = await self._reporter.mail_keys([node.id for node in nodes])
        return [(node, keys.get(node.id, set())) for node in nodes]
