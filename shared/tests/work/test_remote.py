# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio

import pytest
from shared_fakes import FakeRemoteLab, Site, a_node

from kci_shared.errors import Unavailable
from kci_shared.models import Report, Result, State
from kci_shared.work import CannotRun, LabJob
from kci_shared.work import bridge as bridges
from kci_shared.work.workspace import left_behind

DEFINITION = {"artifacts": {"kernel": "http://s/missing"}, "timeout": 60}


async def stopped(site: Site, bridge: asyncio.Task[None]) -> None:
    """Stop a bridge, and let the next one start."""
    site.stop.set()
    await bridge
    site.stop.clear()


async def test_a_remote_lab_fetches_its_artifacts_itself(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.add(a_node("1", definition=DEFINITION))
    site.start()
    await site.until(lambda: remote.running)
    assert remote.jobs[0].images == {}
    remote.end("run-1")
    await site.until_done()


async def test_a_job_goes_on_without_its_bridge_and_the_next_one_takes_it_back(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.add(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await stopped(site, bridge)
    assert remote.cancelled == []
    assert site.api.entries["1"].released == []
    site.start(lease=60)
    remote.end("run-1")
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.outcome.result is Result.PASS
    assert (len(remote.jobs), site.api.entries["1"].attempt) == (1, 1)
    assert left_behind(site.folder / "runs" / "lab") == []


async def test_a_job_that_never_reached_the_lab_is_given_back(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.add(a_node("1"))
    remote.size = 2
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await stopped(site, bridge)
    remote.running.clear()  # as if the lab had never heard of it
    site.start(lease=60)
    await site.until(lambda: site.api.entries["1"].released)
    await site.until(lambda: len(remote.jobs) == 2)
    remote.end("run-1")
    await site.until_done()
    assert site.api.entries["1"].attempt == 1


async def test_a_job_that_others_hold_by_now_is_theirs(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.add(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await stopped(site, bridge)
    assert left_behind(site.folder / "runs" / "lab")
    site.api.entries["1"].attempt += 1
    token = site.api.entries["1"].token
    site.start(lease=60)
    await site.until(lambda: not left_behind(site.folder / "runs" / "lab"))
    assert remote.cancelled == []
    assert site.api.entries["1"].token == token


async def test_a_job_whose_node_ended_while_the_bridge_was_away_is_stopped(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.add(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await stopped(site, bridge)
    entry = site.api.entries["1"]
    entry.attempt += 1
    entry.expires += 60
    entry.node = entry.node.model_copy(update={"state": State.DONE})
    site.start(lease=60)
    await site.until(lambda: remote.cancelled == ["run-1"])


async def test_a_lost_claim_stops_a_remote_job_only_with_its_node(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.add(a_node("1"), a_node("2"))
    remote.size = 2
    site.start(lease=0.06)
    await site.until(lambda: len(remote.running) == 2)
    for entry in site.api.entries.values():
        entry.expires += 60
        site.api.take_away(entry.node.id)
    over = site.api.entries["2"]
    over.node = over.node.model_copy(update={"state": State.DONE})
    await site.until(lambda: remote.cancelled)
    await asyncio.sleep(0.1)
    assert remote.cancelled == ["run-2"]


async def test_a_job_that_is_over_is_not_stopped_when_its_report_turns_out_late(
    site: Site, remote: FakeRemoteLab
) -> None:
    def end_first(_: Report) -> Exception:
        site.api.end("1")
        return Unavailable("the answer is lost")

    site.api.add(a_node("1"))
    site.api.refuse = end_first
    bridge = site.start()
    await site.until(lambda: remote.running)
    remote.end("run-1")
    await site.until(lambda: not left_behind(site.folder / "runs" / "lab"))
    await stopped(site, bridge)
    assert site.api.entries["1"].node.state is State.DONE
    assert remote.cancelled == []


async def test_a_lab_that_is_away_is_waited_for_and_no_job_is_forgotten(
    site: Site, remote: FakeRemoteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridges, "PAUSE_S", 0.001)
    site.api.add(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await stopped(site, bridge)
    tries: list[str] = []
    find = remote.find

    async def find_later(node_id: str) -> str | None:
        tries.append(node_id)
        if len(tries) < 3:
            raise CannotRun("the lab does not answer")
        return await find(node_id)

    remote.find = find_later
    site.start(lease=60)
    remote.end("run-1")
    await site.until_done()
    assert len(tries) == 3


async def test_a_job_whose_submission_was_not_answered_is_stopped_with_its_node(
    site: Site, remote: FakeRemoteLab
) -> None:
    submit = remote.submit

    async def silence(job: LabJob) -> str:
        await submit(job)
        raise CannotRun("no answer")

    remote.submit = silence
    site.api.add(a_node("1"))
    site.start(lease=60)
    await site.until_done()
    assert remote.cancelled == ["run-1"]
