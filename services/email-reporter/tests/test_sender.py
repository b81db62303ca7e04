# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a sender does with a claimed mail."""

from pathlib import Path

import pytest
import stamina
from email_reporter_fakes import make_node, make_settings

from kci_email_reporter.delivery import Delivery
from kci_email_reporter.sender import Sender
from kci_email_reporter.smtp import Envelope
from kci_shared.errors import StorageError
from kci_shared.models import Result
from kci_shared.work import BadJob, CannotRun, LabJob, RunOutcome

MAIL = b"Subject: x\r\n\r\nx\r\n"
Fields = dict[str, object]


class FakeDelivery(Delivery):
    """Delivers every mail at once."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.settle_times_s: list[float] = []

    async def run(self, envelope: Envelope, settle_s: float) -> RunOutcome:
        self.envelopes.append(envelope)
        self.settle_times_s.append(settle_s)
        return RunOutcome(Result.PASS)


class FakeStorage:
    """Holds one mail; the first downloads may fail."""

    def __init__(self) -> None:
        self.failures = 0

    async def fetch(self, url: str, folder: Path) -> Path:
        if self.failures:
            self.failures -= 1
            raise StorageError("away")
        (folder / "mail.eml").write_bytes(MAIL)
        return folder / "mail.eml"


class SenderWorld:
    """A sender with its delivery and storage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.delivery = FakeDelivery()
        self.storage = FakeStorage()

    async def send(
        self, fields: Fields | None = None, *, attempt: int = 1, mode: str = "live"
    ) -> RunOutcome:
        sender = Sender(self.delivery, self.storage, make_settings(mail_mode=mode))
        defaults: Fields = {
            "artifacts": {"mail": "https://s.example/mail.eml"},
            "data": {"message_id": "<m@x>", "to": ["results@ci.example.org"]},
            "state": "running",
        }
        node = make_node("m1", "process", "mail", **{**defaults, **(fields or {})})
        job = LabJob(node=node, attempt=attempt, folder=self.folder)
        return await sender.wait(job, await sender.submit(job))


@pytest.fixture
def world(tmp_path: Path) -> SenderWorld:
    return SenderWorld(tmp_path)


async def test_a_mail_is_sent_exactly_as_it_was_written(world: SenderWorld) -> None:
    assert (await world.send()).result is Result.PASS
    (envelope,) = world.delivery.envelopes
    assert envelope.content == MAIL
    assert envelope.message_id == "<m@x>"
    assert envelope.sender == "bounces+m1@ci.example.org"
    assert envelope.recipients == ("results@ci.example.org",)


async def test_only_a_mail_that_was_claimed_before_may_have_been_sent(
    world: SenderWorld,
) -> None:
    await world.send(attempt=1)
    await world.send(attempt=2)
    assert world.delivery.settle_times_s == [0, 5]


async def test_a_dry_run_sends_nothing_and_says_so(world: SenderWorld) -> None:
    outcome = await world.send(mode="dry-run")
    assert outcome.result is Result.SKIP
    assert outcome.error_msg == "not sent: KCI_MAIL_MODE is dry-run"
    assert not world.delivery.envelopes


async def test_a_redirected_mail_goes_to_nobody_else(world: SenderWorld) -> None:
    await world.send(mode="redirect:me@ci.example.org")
    assert world.delivery.envelopes[0].recipients == ("me@ci.example.org",)


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
    world: SenderWorld, fields: Fields, named: str
) -> None:
    with pytest.raises(BadJob, match=named):
        await world.send(fields)
    assert not world.delivery.envelopes


async def test_a_storage_that_is_away_for_a_moment_is_asked_again(
    world: SenderWorld,
) -> None:
    world.storage.failures = 2
    with stamina.set_testing(True, attempts=3):
        assert (await world.send()).result is Result.PASS


async def test_a_storage_that_stays_away_ends_the_mail(world: SenderWorld) -> None:
    world.storage.failures = 3
    with stamina.set_testing(True, attempts=3), pytest.raises(CannotRun, match="away"):
        await world.send()
