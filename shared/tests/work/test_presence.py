# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio

import pytest
from shared_fakes import FakeLab, Site, a_node

from kci_shared.errors import NotLoggedIn
from kci_shared.models import Result
from kci_shared.redaction import redacted
from kci_shared.work import CannotRun, RunOutcome, presence


class DemoLab(FakeLab):
    """A lab that says what it is."""

    kind = "demo"

    def facts(self) -> dict[str, str]:
        return {"version": "7"}


async def test_a_bridge_tells_its_capacity_once_and_that_it_leaves(site: Site) -> None:
    site.lab = DemoLab()
    site.lab.size = 3
    site.lab.seconds = 0.02
    site.api.put(*(a_node(str(n)) for n in range(9)))
    site.start()
    await site.until_done()
    await site.end()
    first, *_, last = site.registrations
    assert (first.kind, first.healthy, first.platforms) == ("demo", True, {"board": 3})
    assert first.facts["version"] == "7"
    assert "lab_answered" in first.facts
    assert (last.healthy, last.message) == (False, presence.DRAINS)
    assert "job_ended" in last.facts
    assert len(site.registrations) == 2, "busy or idle, the lab is as large as it was"


async def test_a_lab_that_is_away_is_told_without_its_secrets(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> dict[str, int]:
        raise CannotRun("http://me:secret@lab: header b'Token secret' refused")

    answering = site.lab.slots
    monkeypatch.setattr(site.lab, "slots", away)
    site.start()
    await site.until(lambda: site.registrations)
    [told] = site.registrations
    assert (told.healthy, told.platforms) == (False, {})
    assert told.message == "http://lab: header b'Token *** refused"
    monkeypatch.setattr(site.lab, "slots", answering)
    await site.until(lambda: len(site.registrations) == 2)
    assert site.registrations[-1].healthy


async def test_the_same_is_said_again_every_so_often(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PERIOD_S", 0.02)
    site.start()
    await site.until(lambda: len(site.registrations) > 3)


async def test_a_lab_that_is_silent_from_the_start_is_known(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asyncio.Event()

    async def silent() -> dict[str, int]:
        await heard.wait()
        return {}

    monkeypatch.setattr(presence, "FIRST_ANSWER_S", 0.02)
    monkeypatch.setattr(site.lab, "slots", silent)
    site.start()
    await site.until(lambda: site.registrations)
    assert site.registrations[0].message == presence.NO_ANSWER
    heard.set()


@pytest.mark.parametrize("refusal", [NotLoggedIn("not you"), RuntimeError("a bug")])
async def test_a_refused_registration_stops_no_job(
    site: Site, refusal: Exception
) -> None:
    site.refuse("register", lambda _: refusal)
    site.api.put(a_node("1"))
    site.lab.behave = lambda _: RunOutcome(Result.PASS)
    site.start()
    await site.until_done()
    site.refuse("register", lambda _: None)
    await site.until(lambda: site.registrations)


def test_a_password_in_an_address_is_not_repeated() -> None:
    said = redacted("GET https://u:p@lab/x\nAuthorization: bearer abc.def")
    assert said == "GET https://lab/x Authorization: bearer ***"
