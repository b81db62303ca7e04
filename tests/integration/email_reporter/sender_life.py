# SPDX-License-Identifier: LGPL-2.1-or-later
"""One life of a sender: claims a mail, and dies where it is told to.

``python sender_life.py PORT MAILDIR ATTEMPT WHERE``
"""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosmtplib import SMTP

from kci_email_reporter import smtp as our_smtp
from kci_email_reporter.archive import MaildirArchive
from kci_email_reporter.delivery import Delivery
from kci_email_reporter.sender import Sender
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import SmtpRelay
from kci_shared.models import NODE
from kci_shared.work import LabJob

MESSAGE_ID = "<kci.reg.0123456789abcdef.1@ci.example.org>"
MAIL = f"Message-ID: {MESSAGE_ID}\r\nSubject: x\r\n\r\n{'x' * 60}\r\n".encode()
TO = "results@ci.example.org"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Folder:
    """A storage that holds the one mail."""

    async def fetch(self, url: str, folder: Path) -> Path:
        file = folder / "mail.eml"
        file.write_bytes(MAIL)
        return file


class DyingArchive(MaildirArchive):
    async def has(self, message_id: str) -> bool:
        await super().has(message_id)
        die()
        return False


async def die_in_data(client: SMTP, said: bytes) -> None:
    """Say a part of the mail, let it arrive, and die."""
    await client.execute_command(b"DATA")
    assert client.transport
    client.transport.write(said)
    await asyncio.sleep(0.1)
    die()


def rig(where: str) -> None:
    """Make the words to the relay end where they shall."""
    offer = our_smtp._offer

    async def dying_offer(*arguments: Any) -> Any:
        if where == "connected":
            die()
        replies = await offer(*arguments)
        if where == "recipients":
            die()
        return replies

    async def dying_data(client: SMTP, content: bytes) -> Any:
        end = {"half": content[:40], "dot": content + b".\r\n"}
        return await die_in_data(client, end[where])

    our_smtp._offer = dying_offer
    if where in ("half", "dot"):
        our_smtp._hand_over = dying_data


async def main(port: str, maildir: str, attempt: str, where: str) -> None:
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
    rig(where)
    kind = DyingArchive if where == "evidence" else MaildirArchive
    delivery = Delivery(SmtpRelay(settings), kind(Path(maildir)), settings)
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
    sender = Sender(delivery, Folder(), settings)
    outcome = await sender.wait(job, await sender.submit(job))
    if where == "accepted":
        die()
    sys.stdout.write(f"{outcome.result}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
