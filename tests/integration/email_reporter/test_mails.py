# SPDX-License-Identifier: LGPL-2.1-or-later
"""From the event to the Maildir, with real servers."""

import asyncio
import random
from collections import Counter

import httpx
import pytest

from integration.email_reporter.conftest import MailSystem
from kci_shared.models import Process, Result

pytestmark = [pytest.mark.integration]

ROUNDS = 2
MAILS = 6
"""In each round: one for each regression, and the summary of the branch."""


def assert_each_mail_arrived_once(system: MailSystem, nodes: list[Process]) -> None:
    assert {node.result for node in nodes} == {Result.PASS}
    arrived = Counter(mail["Message-ID"] for mail in system.mails)
    assert arrived == {node.data.model_dump()["message_id"]: 1 for node in nodes}


async def test_mails_arrive_exactly_as_they_were_written(
    system: MailSystem,
) -> None:
    await system.start("smtp", "")
    await system.regressions("master", 1)
    nodes = await system.until_sent(2)
    assert_each_mail_arrived_once(system, nodes)
    subjects = {" ".join(mail["Subject"].split()) for mail in system.mails}
    assert subjects == {
        "[REGRESSION] mainline/master: boot: qemu-x86: fails (x86_64, gcc-14)",
        "[kci] mainline/master v7.1-rc1-27-g11aa22bb33cc: "
        "first results: 0 fail, 2 pass",
    }
    async with httpx.AsyncClient() as http:
        stored = {(await http.get(node.artifacts["mail"])).content for node in nodes}
    folder = system.stack.site.mails / "new"
    assert {file.read_bytes() for file in folder.iterdir()} == stored


async def test_mails_wait_while_the_relay_is_away(system: MailSystem) -> None:
    await system.start("smtp")
    await system.kill("smtp")
    await system.start("")
    await system.regressions("patient", 2)
    await system.until_lease_renewed()
    await system.start("smtp")
    assert_each_mail_arrived_once(system, await system.until_sent(3))


@pytest.mark.timeout(300)
async def test_two_replicas_that_are_killed_repeatedly_send_each_mail_once(
    system: MailSystem,
) -> None:
    await system.start("smtp", "", "-2")
    randomness = random.Random(11)  # noqa: S311 - no secret
    for number in range(ROUNDS):
        posting = asyncio.create_task(system.regressions(f"branch-{number}", MAILS - 1))
        for victim in ("email-reporter", "email-reporter-2", "smtp"):
            await asyncio.sleep(randomness.uniform(0.1, 1.0))
            await system.kill(victim)
            await system.start(victim.removeprefix("email-reporter"))
        await posting
        await system.until_sent(MAILS * (number + 1))
    assert_each_mail_arrived_once(system, await system.until_sent(ROUNDS * MAILS))
