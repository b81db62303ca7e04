# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mails out of the door: the dialect of the runtime `email`, whose lab is a relay.

A sender that was killed cannot know whether its mail went out, and nothing that it
wrote down before or after could tell. So the next one looks for the mail itself.
"""

from pathlib import Path
from typing import Annotated, Protocol

import stamina
from pydantic import Field, TypeAdapter, ValidationError

from kci_email_reporter.delivery import Delivery
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import Letter
from kci_shared.errors import StorageError
from kci_shared.models import Result
from kci_shared.work import BadJob, CannotRun, Dialect, LabJob, RunOutcome

PLATFORM = "smtp"
LONGEST_PAUSE = 60.0
"""Between two attempts to read a mail, in seconds."""
RECIPIENTS = TypeAdapter(Annotated[list[str], Field(min_length=1)])


class Fetch(Protocol):
    """Where the bytes of a mail lie."""

    async def fetch(self, url: str, folder: Path) -> Path:
        """Copy an artifact into a folder; return the file."""
        ...


class Sender(Dialect):
    """Sends each mail once, however often it is claimed."""

    kind = "mail"

    def __init__(self, delivery: Delivery, storage: Fetch, settings: Settings) -> None:
        self._delivery = delivery
        self._storage = storage
        self._settings = settings

    async def slots(self) -> dict[str, int]:
        """Take as many mails as we may hold at once: the relay has no limit."""
        return {PLATFORM: self._settings.max_jobs}

    async def submit(self, job: LabJob) -> str:
        """Do nothing yet; the mail's name at the relay is its Message-ID."""
        message_id = getattr(job.node.data, "message_id", None)
        if not isinstance(message_id, str):
            raise BadJob("data.message_id: it must be the Message-ID of the mail")
        return message_id

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Send the mail, as soon as the relay takes it."""
        if self._settings.mail_mode == "dry-run":
            said = "not sent: KCI_MAIL_MODE is dry-run"
            return RunOutcome(Result.SKIP, error_msg=said)
        redirect = self._settings.redirect
        letter = Letter(
            message_id=handle,
            sender=f"bounces+{job.id}@{self._settings.mail_domain}",
            recipients=(redirect,) if redirect else self._recipients(job),
            content=await self._content(job),
        )
        doubt = self._settings.mail_settle if job.attempt > 1 else 0
        return await self._delivery.run(letter, doubt)

    async def cancel(self, handle: str) -> None:
        """Do nothing: as long as a mail waits it is with us, not with the relay."""

    async def recover(self) -> dict[str, str]:
        """Leave the mails of a former life to the next claim, which looks for them."""
        return {}

    async def _content(self, job: LabJob) -> bytes:
        """Return the mail's bytes, as they were stored when it was written."""
        url = job.node.artifacts.get("mail")
        if url is None:
            raise BadJob("artifacts.mail: it must be the URL of the mail to send")
        try:
            async for attempt in stamina.retry_context(
                on=StorageError,
                attempts=None,
                timeout=self._settings.queue,
                wait_max=LONGEST_PAUSE,
            ):
                with attempt:
                    file = await self._storage.fetch(url, job.folder)
        except StorageError as error:
            raise CannotRun(str(error)) from error
        return file.read_bytes()

    def _recipients(self, job: LabJob) -> tuple[str, ...]:
        """Return whom the node names: nobody but those that we write to."""
        try:
            found = RECIPIENTS.validate_python(getattr(job.node.data, "to", None))
        except ValidationError as error:
            raise BadJob("data.to: it must be a list of addresses") from error
        if strangers := sorted(set(found) - set(self._settings.mail_to)):
            raise BadJob(f"data.to: {strangers[0]} is not in KCI_MAIL_TO")
        return tuple(found)
