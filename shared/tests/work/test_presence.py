# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio

import pytest
from shared_fakes import Site, a_node

from kci_shared.errors import NotLoggedIn
from kci_shared.models import Result
from kci_shared.text import redacted
from kci_shared.work import CannotRun, RunOutcome, presence


async def test_a_bridge_tells_its_capacity_once_and_that_it_leaves(site: Site) -> None:
    site.lab.kind = "demo"
    site.lab.size = 3
    site.lab.seconds = 0.02
    site.api.add(*(a_node(str(n)) for n in range(9)))
    site.start()
    await site.until_done()
    await site.end()
    first, *_, last = site.api.said
    assert (first.kind, first.healthy, first.platforms) == ("demo", True, {"board": 3})
    assert "lab_answered" in first.facts
    assert (last.healthy, last.message) == (False, presence.DRAINS)
    assert "job_ended" in last.facts
    assert len(site.api.said) == 2, "busy or idle, the lab is as large as it was"


async def test_a_lab_that_is_away_is_told_without_its_secrets(site: Site) -> None:
    async def away() -> dict[str, int]:
        raise CannotRun("http://me:secret@lab: header b'Token secret' refused")

    answering, site.lab.slots = site.lab.slots, away
    site.start()
    await site.until(lambda: site.api.said)
    [told] = site.api.said
    assert (told.healthy, told.platforms) == (False, {})
    assert told.message == "http://lab: header b'Token *** refused"
    site.lab.slots = answering
    await site.until(lambda: len(site.api.said) == 2)
    assert site.api.said[-1].healthy


async def test_the_same_is_said_again_every_so_often(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PERIOD_S", 0.02)
    site.start()
    await site.until(lambda: len(site.api.said) > 3)


async def test_a_lab_that_is_silent_from_the_start_is_known(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asyncio.Event()

    async def silent() -> dict[str, int]:
        await heard.wait()
        return {}

    monkeypatch.setattr(presence, "FIRST_ANSWER_S", 0.02)
    site.lab.slots = silent
    site.start()
    await site.until(lambda: site.api.said)
    assert site.api.said[0].message == presence.NO_ANSWER
    heard.set()


@pytest.mark.parametrize("refusal", [NotLoggedIn("not you"), RuntimeError("a bug")])
async def test_a_refused_registration_stops_no_job(
    site: Site, refusal: Exception
) -> None:
    site.api.refusal = refusal
    site.api.add(a_node("1"))
    site.lab.behave = lambda _: RunOutcome(Result.PASS)
    site.start()
    await site.until_done()
    site.api.refusal = None
    await site.until(lambda: site.api.said)


def test_a_password_in_an_address_is_not_repeated() -> None:
    said = redacted("GET https://u:p@lab/x\nAuthorization: bearer abc.def")
    assert said == "GET https://lab/x Authorization: bearer ***"
