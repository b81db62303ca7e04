# SPDX-License-Identifier: LGPL-2.1-or-later
"""Submits rows over KCIDB's REST interface.

If KCIDB refuses a report, it is halved until the bad rows are found; the other rows are
submitted.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import httpx
from prometheus_client import Counter

from kci_kcidb_bridge.answers import json_object
from kci_kcidb_bridge.ingestion import Ingestion
from kci_kcidb_bridge.report import serialize
from kci_kcidb_bridge.row_models import Row
from kci_shared.channels import Verdict
from kci_shared.channels.sightings import TABLE, of_response
from kci_shared.errors import KciError
from kci_shared.logging import get_logger

log = get_logger(__name__)

BODY_MAX_BYTES = 2_000_000
REMEMBERED = 10_000
"""How many submissions are remembered, so that none is sent twice."""
SUBMISSION_ID = re.compile(r"[A-Za-z0-9]{1,100}")

SUBMITTED = Counter("kci_kcidb_submissions_total", "By KCIDB's answer", ["answer"])


class KcidbAway(KciError):
    """KCIDB is interrupted, or its answer makes no sense; worth a retry."""

    retryable = True


class KcidbRefused(KciError):
    """KCIDB refuses some rows; the message says which, and why."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message)
        self.url = url
        """Where KCIDB says what became of the other rows."""


class _BodyRefused(Exception):
    """KCIDB refuses this body."""


class _Taken(NamedTuple):
    """What KCIDB took of some rows, and what not."""

    ids: list[str]
    """The ids of the submissions."""
    refused: list[str]
    """The refused rows, with the reasons."""


class Submitter:
    """Submits rows to KCIDB, each report once."""

    def __init__(self, http: httpx.AsyncClient, ingestion: Ingestion) -> None:
        self._http = http
        self._ingestion = ingestion
        self._sent: dict[bytes, str] = {}
        """The submission ids, by the hash of what was sent."""

    async def submit(self, rows: Sequence[Row]) -> str:
        """Submit rows, in their order; return where KCIDB says what became of them.

        Raises `KcidbRefused` if KCIDB refuses some of them, after the others have been
        sent, `KcidbAway` if it fails, and `ChannelDown` if it cannot be used.
        """
        ids, refused = await self._submit(rows)
        page = f"status?id={ids[-1]}" if ids else "submit"
        url = f"{str(self._http.base_url).rstrip('/')}/{page}"
        if refused:
            raise KcidbRefused(f"KCIDB refuses {'; '.join(refused)}", url)
        return url

    async def _submit(self, rows: Sequence[Row]) -> _Taken:
        """Send rows, in halves where needed."""
        body = serialize(rows)
        if len(body) <= BODY_MAX_BYTES or len(rows) == 1:
            try:
                return _Taken([await self._send_once(body)], [])
            except _BodyRefused as error:
                if len(rows) == 1:
                    return _Taken([], [f"{rows[0].LIST} {rows[0].id}: {error}"])
        middle = len(rows) // 2
        first = await self._submit(rows[:middle])
        second = await self._submit(rows[middle:])
        return _Taken(first.ids + second.ids, first.refused + second.refused)

    async def _send_once(self, body: bytes) -> str:
        """Send a body unless it was sent: events of a node often give equal rows."""
        digest = hashlib.sha256(body).digest()
        if digest in self._sent:
            return self._sent[digest]
        submission_id = await self._send(body)
        log.info("submission taken", submission_id=submission_id, bytes=len(body))
        self._ingestion.add(submission_id)
        if len(self._sent) >= REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self._sent[digest] = submission_id
        return submission_id

    async def _send(self, body: bytes) -> str:
        """Send a body; return its submission id."""
        try:
            answer = await self._http.post(
                "/submit", content=body, headers={"Content-Type": "application/json"}
            )
        except httpx.HTTPError as error:
            SUBMITTED.labels("none").inc()
            raise KcidbAway(f"no answer from KCIDB: {type(error).__name__}") from error
        SUBMITTED.labels(str(answer.status_code)).inc()
        return _submission_id(answer)


def _submission_id(answer: httpx.Response) -> str:
    """Return the submission id in KCIDB's answer, or raise what the answer means."""
    if TABLE[of_response(answer)].own is Verdict.REFUSED:
        raise _BodyRefused(f"{answer.status_code} {_message(answer)}")
    submission_id = str(json_object(answer).get("id", ""))
    if not answer.is_success or not SUBMISSION_ID.fullmatch(submission_id):
        raise KcidbAway(f"KCIDB answers {answer.status_code} without a submission id")
    return submission_id


def _message(answer: httpx.Response) -> str:
    return str(json_object(answer).get("message", answer.text))[:200]
