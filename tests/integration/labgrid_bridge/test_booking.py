# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rules of labgrid's coordinator, on places that have no board."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from integration.labgrid_bridge.bench import Bench
from kci_labgrid_bridge.booking import Booking, booked, give_back
from kci_labgrid_bridge.coordinator import Coordinator
from kci_labgrid_bridge.resting import Resting
from kci_shared.lab import LabError, NoDevice

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Call = Callable[..., Awaitable[None]]

US, OTHERS = "lab-test/us", "lab-test/others"


class Paper:
    """A lab of places that are there in name only."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.address = bench.site.address("coordinator")
        self._turn = asyncio.Lock()

    async def place(self, name: str, *matches: str) -> dict[str, str]:
        """Make a place; return the tags that only it and its like have."""
        like = name.partition("-")[0]
        await self._bench.labgrid_client("-p", name, "create")
        await self._bench.labgrid_client("-p", name, "set-tags", f"device={like}")
        for match in matches:
            await self._bench.labgrid_client("-p", name, "add-match", match)
        return {"device": like}

    def booked(
        self, owner: str, tags: dict[str, str]
    ) -> AbstractAsyncContextManager[Booking]:
        return booked(self.address, owner, tags, Resting(), self._turn)

    async def hold(self, owner: str, tags: dict[str, str]) -> None:
        async with self.booked(owner, tags):
            pass

    async def is_queued(self) -> bool:
        async with Coordinator.connect(self.address, "test/looks") as coordinator:
            return any(
                owner == OTHERS
                for owner, _ in await coordinator.reservations("lab-test/")
            )


@pytest.fixture
def paper(bench: Bench) -> Paper:
    return Paper(bench)


async def test_a_place_is_released_only_by_who_holds_it(paper: Paper) -> None:
    tags = await paper.place("owned-1")
    async with (
        paper.booked(US, tags) as booking,
        Coordinator.connect(paper.address, OTHERS) as others,
    ):
        await give_back(others, OTHERS, None, "owned-1")
        assert {one.name: one.holder for one in others.places()}["owned-1"] == US
        assert booking.is_ours


async def test_the_next_job_does_not_wait_for_a_reservation_to_run_out(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = await paper.place("next-1")
    calls: list[str] = []
    for name in ("cancel", "release"):
        real = getattr(Coordinator, name)

        async def call(*args: str, real: Call = real) -> None:
            calls.append(real.__name__)
            await real(*args)

        monkeypatch.setattr(Coordinator, name, call)
    async with paper.booked(US, tags):
        waiting = asyncio.create_task(paper.hold(OTHERS, tags))
        while not await paper.is_queued():
            await asyncio.sleep(0.1)
    await waiting
    assert calls == ["cancel", "release"] * 2


async def test_nobody_queues_for_what_no_place_has(paper: Paper) -> None:
    with pytest.raises(NoDevice, match="device=nothing"):
        async with paper.booked(US, {"device": "nothing"}):
            pass
    async with Coordinator.connect(paper.address, "test/looks") as coordinator:
        assert US not in dict(await coordinator.reservations("lab-test/"))


async def test_a_place_without_its_exporter_is_left_for_one_that_works(
    paper: Paper,
) -> None:
    tags = await paper.place("away-1", "nobody/exports/this")
    with pytest.raises(LabError, match="an exporter is down: away-1"):
        async with paper.booked(US, tags):
            pass
    await paper.place("away-2")
    async with paper.booked(US, tags) as booking:
        assert booking.place == "away-2"


async def test_jobs_that_come_together_take_different_places(paper: Paper) -> None:
    await paper.place("pair-away", "nobody/exports/this")
    for name in ("pair-1", "pair-2"):
        tags = await paper.place(name)
    together = asyncio.Barrier(2)

    async def job(owner: str) -> str:
        async with paper.booked(owner, tags) as booking, asyncio.timeout(30):
            await together.wait()  # each has one while the other has one, too
            return booking.place

    assert {*await asyncio.gather(job(US), job(OTHERS))} == {"pair-1", "pair-2"}


async def test_of_two_who_take_a_place_one_gets_it(paper: Paper) -> None:
    await paper.place("both-1")
    async with (
        Coordinator.connect(paper.address, US) as us,
        Coordinator.connect(paper.address, OTHERS) as others,
    ):
        taken = await asyncio.gather(
            us.acquire("both-1"), others.acquire("both-1"), return_exceptions=True
        )
        assert sorted(str(one) for one in taken) == ["None", str(refusal(taken))]
        assert "already acquired" in str(refusal(taken))
        await give_back(us, US, None, "both-1")
        await give_back(others, OTHERS, None, "both-1")


def refusal(taken: Sequence[BaseException | None]) -> LabError:
    (refused,) = [one for one in taken if isinstance(one, LabError)]
    return refused
