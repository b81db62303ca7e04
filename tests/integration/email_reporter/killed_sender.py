# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sender of one mail, which kills itself at a given point.

`python killed_sender.py PORT MAILDIR ATTEMPT POINT`
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiosmtplib import SMTP

from kci_email_reporter import smtp as relay
from kci_email_reporter.delivery import Delivery
from kci_email_reporter.sender import Sender
from kci_email_reporter.sent_mails import MaildirArchive
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import Envelope, Replies, Reply, SmtpRelay
from kci_shared.models import NODE
from kci_shared.work import LabJob

MESSAGE_ID = "<kci.reg.0123456789abcdef.1@ci.example.org>"
MAIL = f"Message-ID: {MESSAGE_ID}\r\nSubject: x\r\n\r\n{'x' * 60}\r\n".encode()
TO = "results@ci.example.org"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class OneMail:
    """A storage that holds the mail."""

    async def fetch(self, url: str, folder: Path) -> Path:
        file = folder / "mail.eml"
        file.write_bytes(MAIL)
        return file


class DyingArchive(MaildirArchive):
    """Kills the sender once it has looked for the mail."""

    async def has(self, message_id: str) -> bool:
        await super().has(message_id)
        die()
        return False


def arm(point: str) -> None:
    """Make the dialogue with the relay end at a point."""
    transmit_envelope, data = relay._transmit_envelope, relay._data

    async def dying_envelope(
        smtp: SMTP, envelope: Envelope, recipients: Sequence[str]
    ) -> Replies:
        if point == "connected":
            die()
        replies = await transmit_envelope(smtp, envelope, recipients)
        if point == "recipients":
            die()
        return replies

    async def dying_data(smtp: SMTP, content: bytes) -> Reply:
        if point == "half":
            await smtp.execute_command(b"DATA")
            assert isinstance(smtp.transport, asyncio.WriteTransport)
            smtp.transport.write(content[:40])
            die()
        reply = await data(smtp, content)
        if point == "data":
            die()
        return reply

    relay._transmit_envelope, relay._data = dying_envelope, dying_data


async def main(port: str, maildir: str, attempt: str, point: str) -> None:
    settings = Settings(
        api_url="http://api.example",
        storage_url="http://s.example",
        token="t",
        mail_from="KernelCI bot <bot@ci.example.org>",
        mail_to=[TO],
        mail_domain="ci.example.org",
        mail_mode="live",
        mail_settle=2,
        smtp_port=int(port),
    )
    arm(point)
    archive = DyingArchive if point == "archive" else MaildirArchive
    delivery = Delivery(SmtpRelay(settings), archive(Path(maildir)), settings)
    node = NODE.validate_python(
        {
            "id": "0" * 24,
            "kind": "process",
            "name": "mail",
            "artifacts": {"mail": "http://s.example/mail.eml"},
            "data": {"message_id": MESSAGE_ID, "to": [TO]},
            "created": datetime.now(UTC),
            "updated": datetime.now(UTC),
            "owner": "tester",
        }
    )
    job = LabJob(node=node, attempt=int(attempt), folder=Path(maildir) / "tmp")
    sender = Sender(delivery, OneMail(), settings)
    outcome = await sender.wait(job, await sender.submit(job))
    if point == "accepted":
        die()
    sys.stdout.write(f"{outcome.result}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
