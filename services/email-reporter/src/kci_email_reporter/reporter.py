# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events to mails: each written once and kept as a node that waits for its sender."""

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from kci_email_reporter.fixed_mail import fixed_key, fixed_mail
from kci_email_reporter.mail import Mail
from kci_email_reporter.regression_mail import Case, first_key, regression_mail
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
from kci_shared.rules.verdicts import is_settled

log = get_logger(__name__)

NAME = "mail"
OF_A_REVISION = {Kind.CHECKOUT, Kind.KBUILD, Kind.JOB}
"""Kinds of nodes that a branch's first results wait for."""
SPARE = timedelta(hours=1)
"""How much longer a mail lives than its sender tries."""


class Nodes(Protocol):
    """What we need of the API."""

    async def get(self, node_id: str) -> Node | None:
        """Return the node, or None when there is none."""
        ...

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match."""
        ...

    async def create(self, node: NewNode) -> Node:
        """Create a node; with an idempotency key once only."""
        ...


class Store(Protocol):
    """Where the bytes of a mail are kept."""

    async def put(self, name: str, content: bytes) -> str:
        """Store bytes; return their URL."""
        ...


class Reporter:
    """Writes a mail for each regression, and one for the first results of a branch."""

    def __init__(self, nodes: Nodes, store: Store, settings: Settings) -> None:
        self._nodes = nodes
        self._store = store
        self._head = settings.letterhead
        self._runtime = settings.runtime
        self._life = timedelta(seconds=settings.queue) + SPARE

    async def on_event(self, event: Event) -> None:
        """Report what an event completes."""
        if event.data.kind is Kind.REGRESSION:
            await self._on_regression(event.node_id)
        elif event.data.state is State.DONE and event.data.kind in OF_A_REVISION:
            await self._on_done(event.node_id)

    async def _on_regression(self, node_id: str) -> None:
        node = await self._nodes.get(node_id)
        if not isinstance(node, Regression):
            return
        if node.data.status is Status.FIXED:
            await self._on_fixed(node)
        elif node.result is Result.FAIL and not await self._is_reported(node):
            await self._on_broken(node)

    async def _on_broken(self, node: Regression) -> None:
        case = await self._case(node)
        if verdict(case.failed) != "fail":
            log.warning("regression not reported: its run says nothing of the kernel")
            return
        await self._keep(regression_mail(case, self._head), node)

    async def _on_fixed(self, node: Regression) -> None:
        """Answer the mail that told of the regression; without one, say nothing."""
        mails = await self._nodes.find(kind=Kind.PROCESS, name=NAME, parent=node.id)
        keys = {mail.idempotency_key for mail in mails}
        if f"mail/{first_key(node)}" not in keys or f"mail/{fixed_key(node)}" in keys:
            return
        if node.data.fixed_node is None:
            return
        fixed = await self._existing(node.data.fixed_node)
        await self._keep(fixed_mail(await self._case(node), fixed, self._head), node)

    async def _case(self, regression: Regression) -> Case:
        """Collect what a regression's mail says, once all of it is settled."""
        failed = [await self._existing(regression.data.fail_node)]
        while not isinstance(failed[-1], Kbuild) and failed[-1].parent is not None:
            failed.append(await self._existing(failed[-1].parent))
        line = [node for node in failed if not isinstance(node, Checkout)]
        for node in line:
            if not is_settled(node):
                raise NotYet(f"{node.kind} {node.id} is not settled")
        passed = await self._existing(regression.data.pass_node)
        return Case(regression, line, passed)

    async def _existing(self, node_id: str) -> Node:
        node = await self._nodes.get(node_id)
        if node is None:
            raise NotFound(f"there is no node {node_id}")
        return node

    async def _on_done(self, node_id: str) -> None:
        """Report the first results of a branch when a node of theirs was the last."""
        checkout = await self._checkout_of(node_id)
        if checkout is None or checkout.state is not State.DONE:
            return
        if await self._is_reported(checkout) or not await self._is_first(checkout):
            return
        nodes = await self._nodes.find(treeid=checkout.treeid)
        if not all(
            is_settled(node) for node in nodes if isinstance(node, Kbuild | Job)
        ):
            return  # the event of the last one brings us here again
        mail = summary_mail(checkout, nodes, self._head)
        if mail is None:
            log.info("no summary: nothing was judged", checkout=checkout.id)
            return
        await self._keep(mail, checkout)

    async def _checkout_of(self, node_id: str) -> Checkout | None:
        """Return the checkout that a node is, or that its tree grows from."""
        node = await self._nodes.get(node_id)
        if isinstance(node, Kbuild | Job):
            found = await self._nodes.find(
                kind=Kind.CHECKOUT, treeid=node.treeid, limit=1
            )
            node = found[0] if found else None
        return node if isinstance(node, Checkout) else None

    async def _is_first(self, checkout: Checkout) -> bool:
        """Say whether the branch has no older revision, whichever is done first."""
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

    async def _is_reported(self, node: Node) -> bool:
        """Say whether a node has its mail, so that nothing is written twice."""
        return bool(
            await self._nodes.find(
                kind=Kind.PROCESS, name=NAME, parent=node.id, limit=1
            )
        )

    async def _keep(self, mail: Mail, about: Node) -> None:
        """Freeze the mail's bytes, and leave it to a sender: once for its key."""
        url = await self._store.put("mail.eml", mail.to_bytes())
        wanted = NewNode(
            kind=Kind.PROCESS,
            name=NAME,
            parent=about.id,
            artifacts={"mail": url},
            timeout=datetime.now(UTC) + self._life,
            idempotency_key=f"mail/{mail.key}",
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
            created = await self._nodes.create(wanted)
        except Conflict:
            log.info("mail was written before", key=mail.key)
            return
        log.info("mail written", mail=created.id, message_id=mail.message_id)
