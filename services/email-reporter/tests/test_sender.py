# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of a claimed mail."""

from pathlib import Path
from typing import Any

import pytest
import stamina

from kci_email_reporter.sender import Sender
from kci_email_reporter.smtp import Letter
from kci_shared.errors import StorageError
from kci_shared.models import Result
from kci_shared.work import BadJob, LabJob, RunOutcome

MAIL = b"Subject: x\r\n\r\nx\r\n"


class FakeDelivery:
    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.doubts: list[float] = []

    async def run(self, letter: Letter, doubt: float) -> RunOutcome:
        self.letters.append(letter)
        self.doubts.append(doubt)
        return RunOutcome(Result.PASS)


class FakeStorage:
    def __init__(self) -> None:
        self.troubles = 0

    async def fetch(self, url: str, folder: Path) -> Path:
        if self.troubles:
            self.troubles -= 1
            raise StorageError("away")
        (folder / "mail.eml").write_bytes(MAIL)
        return folder / "mail.eml"


class Desk:
    """A sender, and what it works with."""

    def __init__(self, scene: Any, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        self.delivery = FakeDelivery()
        self.storage = FakeStorage()

    async def send(
        self, attempt: int = 1, mode: str = "live", **fields: Any
    ) -> RunOutcome:
        settings = self.scene.settings(mail_mode=mode)
        sender = Sender(self.delivery, self.storage, settings)  # type: ignore[arg-type]
        known = {
            "artifacts": {"mail": "https://s.example/mail.eml"},
            "data": {"message_id": "<m@x>", "to": ["results@ci.example.org"]},
            "state": "running",
        }
        node = self.scene.node("m1", "process", "mail", **{**known, **fields})
        job = LabJob(node=node, attempt=attempt, folder=self.folder)
        return await sender.wait(job, await sender.submit(job))


@pytest.fixture
def desk(scene: Any, tmp_path: Path) -> Desk:
    return Desk(scene, tmp_path)


async def test_a_mail_goes_out_as_it_was_written(desk: Desk) -> None:
    assert (await desk.send()).result is Result.PASS
    (letter,) = desk.delivery.letters
    assert letter.content == MAIL
    assert letter.message_id == "<m@x>"
    assert letter.sender == "bounces+m1@ci.example.org"
    assert letter.recipients == ("results@ci.example.org",)


async def test_only_a_mail_that_somebody_held_before_is_in_doubt(desk: Desk) -> None:
    await desk.send(attempt=1)
    await desk.send(attempt=2)
    assert desk.delivery.doubts == [0, 5]


async def test_a_dry_run_sends_nothing_and_says_so(desk: Desk) -> None:
    outcome = await desk.send(mode="dry-run")
    assert outcome.result is Result.SKIP
    assert outcome.error_msg == "not sent: KCI_MAIL_MODE is dry-run"
    assert not desk.delivery.letters


async def test_redirected_mail_goes_to_nobody_else(desk: Desk) -> None:
    await desk.send(mode="redirect:me@ci.example.org")
    assert desk.delivery.letters[0].recipients == ("me@ci.example.org",)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"artifacts": {}}, "artifacts.mail"),
        ({"data": {"to": ["results@ci.example.org"]}}, "data.message_id"),
        ({"data": {"message_id": "<m@x>"}}, "data.to"),
        ({"data": {"message_id": "<m@x>", "to": []}}, "data.to"),
        ({"data": {"message_id": "<m@x>", "to": ["x@evil.example"]}}, "KCI_MAIL_TO"),
    ],
)
async def test_a_node_that_is_no_mail_is_refused(
    desk: Desk, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadJob, match=named):
        await desk.send(**fields)
    assert not desk.delivery.letters


async def test_a_storage_that_is_away_for_a_moment_does_not_end_the_mail(
    desk: Desk,
) -> None:
    desk.storage.troubles = 2
    with stamina.set_testing(True, attempts=3):
        assert (await desk.send()).result is Result.PASS
