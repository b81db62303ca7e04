# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay that keeps what it gets."""

import asyncio
import mailbox
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from aiosmtplib import SMTPDataError, SMTPResponseException, send

from kci_fakes.smtp_sink import Maildir, Sink

MAIL = b"Subject: x\r\nMessage-ID: <a@b.example>\r\n\r\n.dot\r\nend\r\n"
LIMIT = 1000


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    sink = Sink(Maildir(tmp_path / "mail"))
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, data_size_limit=LIMIT, hostname="localhost"), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()


async def deliver(port: int, content: bytes) -> None:
    await send(
        content,
        sender="me@a.example",
        recipients=["you@b.example"],
        hostname="127.0.0.1",
        port=port,
        start_tls=False,
    )


async def test_a_mail_is_kept_as_it_came(port: int, tmp_path: Path) -> None:
    await deliver(port, MAIL)
    (file,) = (tmp_path / "mail/new").iterdir()
    assert file.read_bytes() == MAIL
    assert not list((tmp_path / "mail/tmp").iterdir())
    (mail,) = mailbox.Maildir(tmp_path / "mail")
    assert mail["Message-ID"] == "<a@b.example>"


async def test_mails_that_come_together_do_not_meet(port: int, tmp_path: Path) -> None:
    await asyncio.gather(*(deliver(port, MAIL) for _ in range(20)))
    assert len(list((tmp_path / "mail/new").iterdir())) == 20


async def test_a_mail_too_large_is_refused(port: int, tmp_path: Path) -> None:
    with pytest.raises(SMTPResponseException) as refusal:
        await deliver(port, MAIL + b"x" * LIMIT)
    assert refusal.value.code == 552
    assert not list((tmp_path / "mail/new").iterdir())


async def test_a_full_disk_is_trouble_for_now(port: int, tmp_path: Path) -> None:
    (tmp_path / "mail/tmp").rmdir()
    with pytest.raises(SMTPDataError) as refusal:
        await deliver(port, MAIL)
    assert refusal.value.code == 451
