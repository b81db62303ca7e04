# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows to KCIDB, over its REST interface.

Whatever it refuses is cut in halves until the rows are found that it means; the others
are delivered.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

import httpx
from prometheus_client import Counter

from kci_kcidb_bridge.ingestion import Receipts
from kci_kcidb_bridge.rows import Row, report
from kci_shared.errors import KciError
from kci_shared.logging import get_logger

log = get_logger(__name__)

MAX_BYTES = 2_000_000
"""Of a submission's body."""
KNOWN = 10_000
"""How many submissions are remembered, so as not to be sent again."""
AGAIN = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
"""Refusals that say nothing of what was sent."""
SUBMISSION_ID = re.compile(r"[A-Za-z0-9]{1,100}")

SUBMITTED = Counter("kci_kcidb_submissions_total", "By KCIDB's answer", ["answer"])


class KcidbAway(KciError):
    """KCIDB does not answer, or not as it should; it is tried again."""

    retryable = True


class KcidbRefused(KciError):
    """KCIDB does not take what we send; the message says what, and what to do."""


class _NotTaken(Exception):
    """KCIDB refuses this body."""


class Submitter:
    """Hands rows to KCIDB."""

    def __init__(self, http: httpx.AsyncClient, receipts: Receipts) -> None:
        self._http = http
        self._receipts = receipts
        self._known: dict[bytes, None] = {}

    async def submit(self, rows: Sequence[Row]) -> None:
        """Submit rows, the first no later than the last.

        Raises `KcidbRefused` when KCIDB does not want some of them, after the rest has
        been sent.
        """
        if refused := await self._deliver(rows):
            raise KcidbRefused(f"KCIDB refuses {'; '.join(refused)}")

    async def _deliver(self, rows: Sequence[Row]) -> list[str]:
        """Send rows; return those that KCIDB refuses, with its words."""
        body = report(rows)
        if len(body) <= MAX_BYTES or len(rows) == 1:
            try:
                await self._send_once(body)
            except _NotTaken as error:
                if len(rows) == 1:
                    return [f"{rows[0].LIST} {rows[0].id}: {error}"]
            else:
                return []
        middle = len(rows) // 2
        return [
            *await self._deliver(rows[:middle]),
            *await self._deliver(rows[middle:]),
        ]

    async def _send_once(self, body: bytes) -> None:
        """Send a body, unless it has been sent: events of a node often say the same."""
        digest = hashlib.sha256(body).digest()
        if digest in self._known:
            return
        name = await self._send(body)
        log.info("submission taken", submission_id=name, bytes=len(body))
        self._receipts.add(name)
        if len(self._known) >= KNOWN:
            del self._known[next(iter(self._known))]
        self._known[digest] = None

    async def _send(self, body: bytes) -> str:
        """Send a body; return the name that KCIDB gave it."""
        try:
            answer = await self._http.post(
                "/submit", content=body, headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError as error:
            SUBMITTED.labels("none").inc()
            raise KcidbAway(f"KCIDB is away: {type(error).__name__}") from error
        SUBMITTED.labels(str(answer.status_code)).inc()
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise KcidbRefused(
                f"KCIDB refuses our token ({_message(answer)}); renew KCI_KCIDB_TOKEN"
            )
        if answer.is_client_error and answer.status_code not in AGAIN:
            raise _NotTaken(f"{answer.status_code} {_message(answer)}")
        name = str(_said(answer).get("id", ""))
        if not answer.is_success or not SUBMISSION_ID.fullmatch(name):
            raise KcidbAway(f"KCIDB answers {answer.status_code} and no receipt")
        return name


def _said(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer, whatever type it claims to be."""
    try:
        said = json.loads(answer.text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _message(answer: httpx.Response) -> str:
    return str(_said(answer).get("message", answer.text))[:200]
