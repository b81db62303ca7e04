# SPDX-License-Identifier: LGPL-2.1-or-later

import pytest
from shared_fakes import FakeRemoteLab, Site, a_node

from kci_shared.errors import Unavailable
from kci_shared.models import Report, Result, State
from kci_shared.work import CannotRun, LabJob
from kci_shared.work import bridge as bridges
from kci_shared.work.workspace import left_behind

DEFINITION = {"artifacts": {"kernel": "http://s/missing"}, "timeout": 60}


async def test_a_remote_lab_fetches_its_artifacts_itself(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.put(a_node("1", definition=DEFINITION))
    site.start()
    await site.until(lambda: remote.running)
    assert remote.jobs[0].images == {}
    remote.end("run-1")
    await site.until_done()


async def test_a_job_goes_on_without_its_bridge_and_the_next_one_takes_it_back(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.put(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await site.stop_bridge(bridge)
    assert remote.cancelled == []
    assert site.api.releases == []
    site.start(lease=60)
    remote.end("run-1")
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.outcome.result is Result.PASS
    assert (len(remote.jobs), site.attempt("1")) == (1, 1)
    assert left_behind(site.folder / "runs" / "lab") == []


async def test_a_job_that_never_reached_the_lab_is_given_back(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.put(a_node("1"))
    remote.size = 2
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await site.stop_bridge(bridge)
    remote.running.clear()  # as if the lab had never heard of it
    site.start(lease=60)
    await site.until(lambda: site.api.releases)
    await site.until(lambda: len(remote.jobs) == 2)
    remote.end("run-1")
    await site.until_done()
    assert site.attempt("1") == 1


async def test_a_job_that_others_hold_by_now_is_theirs(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.put(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await site.stop_bridge(bridge)
    assert left_behind(site.folder / "runs" / "lab")
    site.let_others_hold("1")
    site.start(lease=60)
    await site.until(lambda: not left_behind(site.folder / "runs" / "lab"))
    assert remote.cancelled == []
    assert site.api.count_calls("report") == 0


async def test_a_job_whose_node_ended_while_the_bridge_was_away_is_stopped(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.put(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await site.stop_bridge(bridge)
    site.cancel_node("1")
    site.start(lease=60)
    await site.until(lambda: remote.cancelled == ["run-1"])


async def test_a_lost_claim_stops_a_remote_job_only_with_its_node(
    site: Site, remote: FakeRemoteLab
) -> None:
    site.api.put(a_node("1"), a_node("2"))
    remote.size = 2
    site.start(lease=0.06)
    await site.until(lambda: len(remote.running) == 2)
    site.api.take_away("1")
    site.cancel_node("2")
    await site.until(lambda: not site.runs("1") and not site.runs("2"))
    assert remote.cancelled == ["run-2"]


async def test_a_job_that_is_over_is_not_stopped_when_its_report_turns_out_late(
    site: Site, remote: FakeRemoteLab
) -> None:
    def end_first(_: Report) -> Exception:
        site.cancel_node("1")
        return Unavailable("the answer is lost")

    site.api.put(a_node("1"))
    site.refuse("report", end_first)
    bridge = site.start()
    await site.until(lambda: remote.running)
    remote.end("run-1")
    await site.until(lambda: not left_behind(site.folder / "runs" / "lab"))
    await site.stop_bridge(bridge)
    assert site.api.nodes["1"].state is State.DONE
    assert remote.cancelled == []


async def test_a_lab_that_is_away_is_waited_for_and_no_job_is_forgotten(
    site: Site, remote: FakeRemoteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridges, "PAUSE_S", 0.001)
    site.api.put(a_node("1"))
    bridge = site.start(lease=60)
    await site.until(lambda: remote.running)
    await site.stop_bridge(bridge)
    tries: list[str] = []
    find = remote.find

    async def find_later(node_id: str) -> str | None:
        tries.append(node_id)
        if len(tries) < 3:
            raise CannotRun("the lab does not answer")
        return await find(node_id)

    monkeypatch.setattr(remote, "find", find_later)
    site.start(lease=60)
    remote.end("run-1")
    await site.until_done()
    assert len(tries) == 3


async def test_a_job_whose_submission_was_not_answered_is_stopped_with_its_node(
    site: Site, remote: FakeRemoteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = remote.submit

    async def silence(job: LabJob) -> str:
        await submit(job)
        raise CannotRun("no answer")

    monkeypatch.setattr(remote, "submit", silence)
    site.api.put(a_node("1"))
    site.start(lease=60)
    await site.until_done()
    assert remote.cancelled == ["run-1"]
