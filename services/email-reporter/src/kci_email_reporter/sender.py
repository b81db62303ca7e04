# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends mails: the dialect of the runtime `email`, whose jobs are mails.

A sender that was killed cannot know whether its mail was sent, whatever it stored
before or after. So the next sender looks for the mail in the archive.
"""

from pathlib import Path
from typing import Annotated, Protocol

import stamina
from pydantic import Field, TypeAdapter, ValidationError

from kci_email_reporter.delivery import Delivery
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import Envelope
from kci_shared.errors import StorageError
from kci_shared.models import Result
from kci_shared.storage import may_pass
from kci_shared.work import BadJob, CannotRun, Dialect, LabJob, RunOutcome

PLATFORM = "smtp"
RETRY_MAX_S = 60.0
"""Longest wait between two attempts to download a mail."""
RECIPIENTS = TypeAdapter(Annotated[list[str], Field(min_length=1)])


class Fetch(Protocol):
    """The artifact storage."""

    async def fetch(self, url: str, folder: Path) -> Path:
        """Download an artifact into a folder; return the file."""
        ...


class Sender(Dialect):
    """Sends each mail once, even if it is claimed repeatedly."""

    kind = "mail"

    def __init__(self, delivery: Delivery, storage: Fetch, settings: Settings) -> None:
        self._delivery = delivery
        self._storage = storage
        self._settings = settings

    async def slots(self) -> dict[str, int]:
        """Return the configured number of mails; the relay sets no limit."""
        return {PLATFORM: self._settings.max_jobs}

    async def submit(self, job: LabJob) -> str:
        """Return the mail's Message-ID; `wait` sends the mail."""
        message_id = getattr(job.node.data, "message_id", None)
        if not isinstance(message_id, str):
            raise BadJob("data.message_id must be the Message-ID of the mail")
        return message_id

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Send the mail, once the relay accepts it."""
        if self._settings.mail_mode == "dry-run":
            reason = "not sent: KCI_MAIL_MODE is dry-run"
            return RunOutcome(Result.SKIP, error_msg=reason)
        redirect = self._settings.redirect
        envelope = Envelope(
            message_id=handle,
            sender=f"bounces+{job.id}@{self._settings.mail_domain}",
            recipients=(redirect,) if redirect else self._recipients(job),
            content=await self._content(job),
        )
        settle_s = self._settings.mail_settle if job.attempt > 1 else 0
        return await self._delivery.run(envelope, settle_s)

    async def cancel(self, handle: str) -> None:
        """Do nothing: a mail that is not sent yet is not at the relay either."""

    async def recover(self) -> dict[str, str]:
        """Return nothing: who claims a mail again looks for it in the archive."""
        return {}

    async def _content(self, job: LabJob) -> bytes:
        """Return the mail's bytes from the storage."""
        url = job.node.artifacts.get("mail")
        if url is None:
            raise BadJob("artifacts.mail must be the URL of the mail to send")
        try:
            async for attempt in stamina.retry_context(
                on=may_pass,
                attempts=None,
                timeout=self._settings.queue,
                wait_max=RETRY_MAX_S,
            ):
                with attempt:
                    file = await self._storage.fetch(url, job.folder)
        except StorageError as error:
            raise CannotRun(str(error)) from error
        return file.read_bytes()

    def _recipients(self, job: LabJob) -> tuple[str, ...]:
        """Return the node's recipients; all must be in KCI_MAIL_TO."""
        try:
            recipients = RECIPIENTS.validate_python(getattr(job.node.data, "to", None))
        except ValidationError as error:
            raise BadJob("data.to must be a list of addresses") from error
        if strangers := sorted(set(recipients) - set(self._settings.mail_to)):
            raise BadJob(
                f"data.to: {strangers[0]} is not in KCI_MAIL_TO; add or remove it"
            )
        return tuple(recipients)
