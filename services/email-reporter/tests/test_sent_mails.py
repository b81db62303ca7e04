# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sent mails are looked up in the archive."""

import mailbox
from pathlib import Path

import pytest

from kci_email_reporter.sent_mails import MaildirArchive


def put(folder: Path, content: bytes) -> str:
    return mailbox.Maildir(folder).add(content)


async def test_a_mail_is_found_by_its_message_id(tmp_path: Path) -> None:
    put(tmp_path / "m", b"Subject: x\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n")
    archive = MaildirArchive(tmp_path / "m")
    assert await archive.has("<a@b>")
    assert not await archive.has("<c@d>")


async def test_a_mail_that_arrives_later_is_found_then(tmp_path: Path) -> None:
    put(tmp_path / "m", b"Message-ID: <a@b>\r\n\r\n")
    archive = MaildirArchive(tmp_path / "m")
    assert not await archive.has("<c@d>")
    put(tmp_path / "m", b"message-id:\r\n <c@d>\r\n\r\n")
    assert await archive.has("<c@d>")


async def test_only_a_message_id_header_proves_that_a_mail_was_sent(
    tmp_path: Path,
) -> None:
    put(tmp_path / "m", b"Subject: x\n\nMessage-ID: <a@b>\n")
    put(tmp_path / "m", b"In-Reply-To: <a@b>\nX-Message-ID: <a@b>\n\n")
    assert not await MaildirArchive(tmp_path / "m").has("<a@b>")


async def test_a_mail_that_was_read_and_moved_is_found(tmp_path: Path) -> None:
    key = put(tmp_path / "m", b"Message-ID: <a@b>\n\n")
    (tmp_path / "m/new" / key).rename(tmp_path / "m/cur" / f"{key}:2,S")
    assert await MaildirArchive(tmp_path / "m").has("<a@b>")


async def test_a_missing_archive_is_an_error(
    tmp_path: Path,
) -> None:
    with pytest.raises(OSError, match="No such file"):
        await MaildirArchive(tmp_path / "m").has("<a@b>")


async def test_a_mail_is_read_once(tmp_path: Path) -> None:
    key = put(tmp_path / "m", b"Message-ID: <a@b>\n\n")
    archive = MaildirArchive(tmp_path / "m")
    assert await archive.has("<a@b>")
    (tmp_path / "m/new" / key).write_bytes(b"Message-ID: <written-later@b>\n\n")
    assert not await archive.has("<written-later@b>")
