# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handles events: writes each mail once, as a node for the sender to claim."""

from collections.abc import Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Protocol

from kci_email_reporter.fixed_mail import fixed_mail, fixed_mail_key
from kci_email_reporter.mail import Mail
from kci_email_reporter.regression_mail import regression_mail
from kci_email_reporter.regression_thread import Case, first_mail_key
from kci_email_reporter.runs import verdict
from kci_email_reporter.sender import PLATFORM
from kci_email_reporter.settings import Settings
from kci_email_reporter.summary_mail import summary_mail
from kci_shared.errors import Conflict, NotFound, NotYet
from kci_shared.logging import get_logger
from kci_shared.models import (
    Checkout,
    Event,
    Job,
    Kbuild,
    Kind,
    NewNode,
    Node,
    Regression,
    Result,
    State,
    Status,
)
from kci_shared.nodes import Nodes
from kci_shared.rules.verdicts import is_settled

log = get_logger(__name__)

NAME = "mail"
SUMMARIZED = {Kind.CHECKOUT, Kind.KBUILD, Kind.JOB}
"""Kinds of nodes whose end may complete a summary."""
SPARE_TIME = timedelta(hours=1)
"""How long after the sender's last attempt a mail's node times out."""


class Store(Protocol):
    """The artifact storage."""

    async def put(self, name: str, content: bytes) -> str:
        """Store bytes; return their URL."""
        ...


class Reporter:
    """Writes mails on regressions, and on the first results of branches."""

    def __init__(self, nodes: Nodes, store: Store, settings: Settings) -> None:
        self._nodes = nodes
        self._store = store
        self._head = settings.letterhead
        self._runtime = settings.runtime
        self._life = timedelta(seconds=settings.queue) + SPARE_TIME

    async def on_event(self, event: Event) -> None:
        """Write the mail that an event calls for, if any."""
        if event.data.kind is Kind.REGRESSION:
            await self._on_regression(event.node_id)
        elif event.data.state is State.DONE and event.data.kind in SUMMARIZED:
            await self._on_done(event.node_id)

    async def _on_regression(self, node_id: str) -> None:
        node = await self._nodes.get(node_id)
        if not isinstance(node, Regression):
            return
        keys = await self.mail_keys([node.id])
        if not lacks_mail(node, keys.get(node.id, set())):
            return
        case = await self._case(node)
        if node.data.status is Status.FIXED and node.data.fixed_node is not None:
            fixed = await self._existing(node.data.fixed_node)
            await self._store_mail(fixed_mail(case, fixed, self._head), node)
        elif verdict(case.failed) is Result.FAIL:
            await self._store_mail(regression_mail(case, self._head), node)
        else:
            log.warning("regression not reported: its failed run has no verdict")

    async def _case(self, regression: Regression) -> Case:
        """Collect a regression's nodes; raise `NotYet` unless all are settled."""
        failed = [await self._existing(regression.data.fail_node)]
        while not isinstance(failed[-1], Kbuild) and failed[-1].parent is not None:
            failed.append(await self._existing(failed[-1].parent))
        lineage = [node for node in failed if not isinstance(node, Checkout)]
        for node in lineage:
            if not is_settled(node):
                raise NotYet(f"{node.kind} {node.id} is not settled")
        passed = await self._existing(regression.data.pass_node)
        return Case(regression, lineage, passed)

    async def _existing(self, node_id: str) -> Node:
        node = await self._nodes.get(node_id)
        if node is None:
            raise NotFound(f"no such node: {node_id}")
        return node

    async def _on_done(self, node_id: str) -> None:
        """Write the summary of a branch's first results once all nodes are settled."""
        checkout = await self._checkout_of(node_id)
        if checkout is None or checkout.state is not State.DONE:
            return
        if await self.mail_keys([checkout.id]) or not await self.is_first(checkout):
            return
        if mail := await self.summary(checkout):
            await self._store_mail(mail, checkout)

    async def summary(self, checkout: Checkout) -> Mail | None:
        """Return the summary of a checkout; None if not all is settled, or none ran."""
        nodes = await self._nodes.find(treeid=checkout.treeid)
        runs = [node for node in nodes if isinstance(node, Kbuild | Job)]
        if not all(map(is_settled, runs)):
            return None  # the event of the last node leads here again
        mail = summary_mail(checkout, nodes, self._head)
        if mail is None:
            log.info("no summary: no run has a verdict", checkout=checkout.id)
        return mail

    async def _checkout_of(self, node_id: str) -> Checkout | None:
        """Return the checkout at the root of a node's tree."""
        node = await self._nodes.get(node_id)
        if isinstance(node, Kbuild | Job):
            checkouts = await self._nodes.find(
                kind=Kind.CHECKOUT, treeid=node.treeid, limit=1
            )
            node = checkouts[0] if checkouts else None
        return node if isinstance(node, Checkout) else None

    async def is_first(self, checkout: Checkout) -> bool:
        """Return whether the branch has no older checkout, finished or not."""
        revision = checkout.data.kernel_revision
        if revision is None or revision.patchset is not None:
            return False
        older = await self._nodes.find(
            **{
                "kind": Kind.CHECKOUT,
                "data.kernel_revision.tree": revision.tree,
                "data.kernel_revision.branch": revision.branch,
                "created__lt": checkout.created.isoformat(),
                "limit": 1,
            }
        )
        return not older

    async def mail_keys(self, node_ids: Sequence[str]) -> dict[str, set[str]]:
        """Return the keys of the mails on nodes, by the nodes that have mails."""
        keys: dict[str, set[str]] = {}
        if node_ids:
            above = ",".join(node_ids)
            for mail in await self._nodes.find(
                kind=Kind.PROCESS, name=NAME, parent__in=above
            ):
                keys.setdefault(mail.parent or "", set()).add(
                    mail.idempotency_key or ""
                )
        return keys

    async def _store_mail(self, mail: Mail, about: Node) -> None:
        """Store a mail, and create the node that a sender claims; once per key."""
        url = await self._store.put("mail.eml", mail.to_bytes())
        new = NewNode(
            kind=Kind.PROCESS,
            name=NAME,
            parent=about.id,
            artifacts={"mail": url},
            timeout=datetime.now(UTC) + self._life,
            idempotency_key=_node_key(mail.key),
            data={
                "runtime": self._runtime,
                "platform": PLATFORM,
                "message_id": mail.message_id,
                "report_id": mail.report_id,
                "to": list(mail.letterhead.recipients),
                "subject": mail.subject,
            },
        )
        try:
            created = await self._nodes.create(new)
        except Conflict:
            log.info("mail was written before", key=mail.key)
            return
        log.info("mail written", mail=created.id, message_id=mail.message_id)


def lacks_mail(node: Regression, keys: Set[str]) -> bool:
    """Return whether a mail on a regression is missing, by the keys of those on it.

    A fix is only a reply to the mail that reported the regression.
    """
    if node.data.status is not Status.FIXED:
        return node.result is Result.FAIL and not keys
    is_reported = _node_key(first_mail_key(node)) in keys
    is_answered = _node_key(fixed_mail_key(node)) in keys
    return is_reported and not is_answered and node.data.fixed_node is not None


def _node_key(mail_key: str) -> str:
    """Return the idempotency key of a mail's node."""
    return f"mail/{mail_key}"
