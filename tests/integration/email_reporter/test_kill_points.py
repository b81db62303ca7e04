# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sender killed at any point, with a real relay: the mail arrives exactly once."""

import asyncio
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration]

SENDER = Path(__file__).with_name("killed_sender.py")
COPIES = {
    "archive": 0,
    "connected": 0,
    "recipients": 0,
    "half": 0,
    "data": 1,
    "accepted": 1,
}
"""The points at which a sender is killed, and how many mails it has sent by then."""


class Relay:
    """The relay of the demo, as a process."""

    def __init__(self, maildir: Path, port: int) -> None:
        self.maildir = maildir
        self.port = port
        command = [sys.executable, "-m", "kci_fakes.smtp_sink"]
        command += ["--port", str(port), "--maildir", str(maildir)]
        self.process = subprocess.Popen(command)

    async def until_ready(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    @property
    def copies(self) -> int:
        return len(list((self.maildir / "new").iterdir()))

    async def run_sender(self, attempt: int, point: str) -> asyncio.subprocess.Process:
        arguments = [str(self.port), str(self.maildir), str(attempt), point]
        return await asyncio.create_subprocess_exec(
            sys.executable, str(SENDER), *arguments, stdout=subprocess.PIPE
        )


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    relay = Relay(tmp_path / "mail", port)
    yield relay
    relay.process.kill()
    relay.process.wait()


@pytest.mark.parametrize(("point", "copies"), COPIES.items())
async def test_a_mail_of_a_killed_sender_arrives_once(
    relay: Relay, point: str, copies: int
) -> None:
    await relay.until_ready()
    first = await relay.run_sender(1, point)
    assert await first.wait() == -signal.SIGKILL
    assert relay.copies == copies
    second = await relay.run_sender(2, "none")
    output, _ = await second.communicate()
    assert output.endswith(b"pass\n")
    assert relay.copies == 1


async def test_a_mail_of_a_sender_killed_at_random_arrives_once(relay: Relay) -> None:
    await relay.until_ready()
    randomness = random.Random(7)  # noqa: S311 - no secret
    for attempt in range(1, 6):
        sender = await relay.run_sender(attempt, "none")
        await asyncio.sleep(randomness.uniform(0.2, 2.5))
        if sender.returncode is None:
            sender.kill()
        await sender.wait()
        assert relay.copies <= 1
    last = await relay.run_sender(6, "none")
    output, _ = await last.communicate()
    assert output.endswith(b"pass\n")
    assert relay.copies == 1


async def test_a_mail_that_a_relay_stored_survives_its_death(relay: Relay) -> None:
    await relay.until_ready()
    await (await relay.run_sender(1, "accepted")).wait()
    relay.process.kill()
    relay.process.wait()
    again = Relay(relay.maildir, relay.port)
    try:
        await again.until_ready()
        await (await again.run_sender(2, "none")).wait()
        assert again.copies == 1
    finally:
        again.process.kill()
        again.process.wait()
