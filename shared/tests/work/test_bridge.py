# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import stamina
from shared_fakes import Site, a_node
from structlog.testing import capture_logs

from kci_fakes.api import Call
from kci_shared.errors import ChannelDown, Conflict, Invalid, StorageError
from kci_shared.models import ErrorCode, Progress, Result, State
from kci_shared.work import (
    CannotRun,
    LabJob,
    RunOutcome,
    TestOutcome,
    artifacts,
    submission,
)

DEFINITION = {"artifacts": {"kernel": "http://s/k"}, "timeout": 0.05}


async def test_a_job_is_claimed_run_and_reported(site: Site) -> None:
    site.api.put(a_node("1", definition=DEFINITION))
    log = site.folder / "console.log"
    log.write_text("Linux version 6.1")
    tests = [TestOutcome(("uname",), Result.PASS)]
    site.lab.behave = lambda _: RunOutcome(
        Result.PASS, device="board-1", tests=tests, files={"log": log}
    )
    site.start()
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.outcome.result is Result.PASS
    assert [tree.node.name for tree in report.child_nodes] == ["uname"]
    assert report.artifacts == {"log": "http://storage/console.log"}
    data = site.api.nodes["1"].data.model_dump()
    assert {"job_id": "run-1", "device": "board-1"}.items() <= data.items()
    assert site.lab.jobs[0].images["kernel"].read_text() == "http://s/k"
    assert site.lab.jobs[0].attempt == 1


async def test_two_bridges_report_each_of_200_jobs_once_though_claims_get_lost(
    site: Site,
) -> None:
    site.api.put(*(a_node(str(n)) for n in range(200)))
    site.lose_claims(0.05)
    site.lab.size = 8
    site.start(max_jobs=8)
    site.start(max_jobs=8)
    await site.until_done()
    assert set(Counter(node_id for node_id, _ in site.api.reports).values()) == {1}
    assert {report.outcome.result for _, report in site.api.reports} == {Result.PASS}


async def test_a_lab_that_fails_half_the_time_fails_no_kernel(site: Site) -> None:
    site.api.put(*(a_node(str(n)) for n in range(60)))
    site.lab.failing = 0.5
    site.lab.size = 4
    site.start()
    await site.until_done()
    codes = Counter(report.outcome.error_code for _, report in site.api.reports)
    assert set(codes) == {None, "Infrastructure"}
    assert 15 < codes["Infrastructure"] < 45


async def test_no_more_is_claimed_than_the_lab_has_room_for(site: Site) -> None:
    site.api.put(*(a_node(str(n)) for n in range(40)))
    site.lab.size = 3
    site.lab.seconds = 0.005
    site.start(max_jobs=20)
    await site.until_done()
    assert site.lab.most["at once"] == 3
    assert {site.attempt(node_id) for node_id in site.api.nodes} == {1}


async def test_a_cancelled_node_stops_its_job_long_before_the_next_heartbeat(
    site: Site,
) -> None:
    site.api.put(a_node("1"), a_node("2"))
    site.lab.size = 2
    site.lab.seconds = 60
    site.start(lease=3600)
    await site.until(lambda: len(site.lab.running) == 2)
    site.cancel_node("1")
    await site.until(lambda: site.lab.cancelled == ["run-1"], seconds=30)
    assert list(site.lab.running) == ["run-2"]
    assert site.api.reports == []


async def test_a_lost_claim_is_cancelled_in_the_lab_and_not_reported(
    site: Site,
) -> None:
    site.api.put(a_node("1"))
    site.lab.seconds = 60
    site.start()
    await site.until(lambda: site.lab.running)
    site.api.take_away("1")
    await site.until(lambda: site.lab.cancelled)
    assert site.api.reports == []
    assert site.api.releases == []


async def test_heartbeats_keep_a_job_that_lasts_longer_than_its_lease(
    site: Site,
) -> None:
    def time_passes(call: Call) -> None:
        if call.method == "renew":
            site.now += timedelta(seconds=0.2)
            if site.api.count_calls("renew") > 3:
                site.lab.end("run-1")

    site.api.put(a_node("1"))
    site.api.disturb = time_passes
    site.lab.size = 2
    site.lab.seconds = 60
    site.start(lease=0.3)
    await site.until_done()
    assert site.attempt("1") == 1


async def test_a_stop_signal_lets_running_jobs_end_within_the_drain_time(
    site: Site,
) -> None:
    site.api.put(a_node("1"), a_node("2"))
    site.lab.seconds = 0.05
    bridge = site.start(drain=60)
    await site.until(lambda: site.lab.running)
    site.stop.set()
    await bridge
    assert [node_id for node_id, _ in site.api.reports] == ["1"]
    assert len(site.lab.jobs) == 1


async def test_a_stop_does_not_wait_for_a_lab_that_does_not_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def silence() -> dict[str, int]:
        asked.set()
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(site.lab, "slots", silence)
    bridge = site.start()
    await asked.wait()
    site.stop.set()
    async with asyncio.timeout(30):
        await bridge


async def test_a_job_that_does_not_end_within_the_drain_time_is_given_back(
    site: Site,
) -> None:
    site.api.put(a_node("1"))
    site.lab.seconds = 60
    bridge = site.start(drain=0.01)
    await site.until(lambda: site.lab.running)
    site.stop.set()
    await bridge
    assert site.lab.cancelled == ["run-1"]
    assert site.api.releases == [("1", "the bridge stops")]
    assert site.attempt("1") == 0


async def test_a_former_lifes_job_is_adopted_and_not_started_again(site: Site) -> None:
    site.api.put(a_node("1"))
    site.hold("1")
    site.lab.surviving = {"1": "run-1"}
    site.start()
    await site.until_done()
    assert site.lab.jobs == []


async def test_a_former_lifes_job_that_the_api_refuses_is_stopped(site: Site) -> None:
    site.lab.surviving = {"9": "run-9"}
    site.start()
    await site.until(lambda: site.lab.cancelled == ["run-9"])


async def test_a_report_waits_for_an_api_that_is_away(site: Site) -> None:
    site.api.put(a_node("1"))
    site.lab.behave = lambda _: _go_away(site)
    site.start(lease=60)
    await site.until(lambda: site.api.away)
    await site.until(lambda: site.api.count_calls("report") > 1)
    site.api.away = False
    await site.until_done()
    assert len(site.lab.jobs) == 1


def _go_away(site: Site) -> RunOutcome:
    site.api.away = True
    return RunOutcome(Result.PASS)


async def test_a_job_claimed_again_by_its_own_bridge_is_run_again_and_reported_once(
    site: Site,
) -> None:
    site.api.put(a_node("1"))
    site.lab.size = 2
    site.lab.seconds = 60
    site.start(lease=60)
    await site.until(lambda: site.lab.running)
    site.lab.seconds = 0
    site.expire("1")  # as if the API had been away for long
    await site.until_done()
    assert site.lab.cancelled == ["run-1"]
    assert len(site.lab.jobs) == 2
    assert len(site.api.reports) == 1


def exceed_limits_once_running(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time limit of each job pass as soon as the lab runs one."""

    async def pass_time(_: float) -> None:
        await site.until(lambda: site.lab.running)

    monkeypatch.setattr(submission, "pass_time", pass_time)


async def test_a_job_over_its_time_is_stopped_and_what_there_is_of_it_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    exceed_limits_once_running(site, monkeypatch)
    site.api.put(a_node("1", definition=DEFINITION))
    site.lab.seconds = 60
    site.start(queue=0)
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.outcome.error_code == ErrorCode.NODE_TIMEOUT
    assert report.outcome.result is Result.INCOMPLETE
    assert report.outcome.error_msg == "over 0.05 s"
    assert site.lab.cancelled == ["run-1"]


async def test_a_lab_that_never_starts_a_job_is_at_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def submit(_: LabJob) -> str:
        await asyncio.sleep(60)
        return "never"

    site.api.put(a_node("1", definition=DEFINITION))
    monkeypatch.setattr(site.lab, "submit", submit)
    site.start(queue=0)
    await site.until_done()
    assert site.outcome.error_code == ErrorCode.INFRASTRUCTURE


async def test_a_lab_that_leaves_a_job_in_its_queue_is_at_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = site.lab.submit

    async def into_the_queue(job: LabJob) -> str:
        job.progress(Progress.QUEUED)
        return await submit(job)

    exceed_limits_once_running(site, monkeypatch)
    site.api.put(a_node("1", definition=DEFINITION))
    site.lab.seconds = 60
    monkeypatch.setattr(site.lab, "submit", into_the_queue)
    site.start(queue=0)
    await site.until_done()
    outcome = site.outcome
    assert outcome.error_code == ErrorCode.INFRASTRUCTURE
    assert outcome.error_msg == "the lab did not start the job within 0.05 s"
    assert site.lab.cancelled == ["run-1"]


async def test_a_lab_that_does_not_hand_over_a_stopped_job_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancel(_: str) -> None:
        raise CannotRun("the power switch does not answer")

    monkeypatch.setattr(submission, "GRACE_S", 0.01)
    exceed_limits_once_running(site, monkeypatch)
    site.api.put(a_node("1", definition=DEFINITION))
    site.lab.seconds = 60
    monkeypatch.setattr(site.lab, "cancel", cancel)
    site.start(queue=0)
    await site.until_done()
    assert site.outcome.error_code == ErrorCode.NODE_TIMEOUT


@pytest.mark.parametrize(
    ("definition", "code", "message"),
    [
        (
            {"artifacts": {"kernel": "http://s/missing"}},
            "Infrastructure",
            "artifact: kernel: reading http://s/missing: 404",
        ),
        (
            {"artifacts": {}, "tets": []},
            "invalid_job_params",
            "data.definition.tets: Extra inputs are not permitted",
        ),
    ],
)
async def test_a_job_that_cannot_start_is_incomplete_and_says_why(
    site: Site, definition: dict[str, object], code: str, message: str
) -> None:
    site.api.put(a_node("1", definition=definition))
    site.start()
    await site.until_done()
    outcome = site.outcome
    assert (outcome.result, outcome.error_code) == (Result.INCOMPLETE, code)
    assert outcome.error_msg == message
    assert site.lab.jobs == []


async def test_work_without_a_definition_fetches_nothing(site: Site) -> None:
    site.api.put(a_node("1"))
    site.start()
    await site.until_done()
    assert site.storage.fetched == []
    assert site.lab.jobs[0].images == {}


async def test_an_error_that_nobody_expects_is_a_bug_and_stops_the_job(
    site: Site,
) -> None:
    def fail(_: LabJob) -> RunOutcome:
        raise ZeroDivisionError("with a secret in its text")

    site.api.put(a_node("1"))
    site.lab.behave = fail
    site.start()
    await site.until_done()
    outcome = site.outcome
    assert outcome.error_code == ErrorCode.BUG
    assert (
        outcome.error_msg == "unexpected ZeroDivisionError in the bridge: see its log"
    )
    assert site.lab.cancelled == ["run-1"]


async def test_a_report_that_the_api_refuses_is_replaced_by_one_that_says_so(
    site: Site,
) -> None:
    site.api.put(a_node("1"))
    site.refuse(
        "report",
        lambda report: (
            Invalid("too deep") if report.outcome.result is Result.PASS else None
        ),
    )
    site.start()
    await site.until_done()
    outcome = site.outcome
    assert outcome.error_code == ErrorCode.BUG
    assert outcome.error_msg == "the API refused the report: too deep"


@pytest.mark.parametrize("result", [Result.FAIL, Result.PASS])
async def test_a_report_whose_tests_are_refused_keeps_the_log(
    site: Site, result: Result
) -> None:
    def behave(job: LabJob) -> RunOutcome:
        log = job.folder / "console.log"
        log.write_text("Linux version 6.1")
        tests = [TestOutcome(("t",), result)]
        return RunOutcome(result, tests=tests, files={"log": log})

    site.lab.behave = behave
    site.api.put(a_node("1"))
    site.refuse(
        "report",
        lambda report: Invalid("larger than 8 MiB") if report.child_nodes else None,
    )
    site.start()
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.artifacts == {"log": "http://storage/console.log"}
    fails = result is Result.FAIL
    assert report.outcome.result is (Result.FAIL if fails else Result.INCOMPLETE)
    said = None if fails else "the API refused the report: larger than 8 MiB"
    assert report.outcome.error_msg == said


async def test_a_bridge_survives_a_lab_and_an_api_that_are_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def slots() -> dict[str, int]:
        nonlocal asked
        asked += 1
        raise CannotRun("no coordinator at http://me:secret@lab")

    good = site.lab.slots
    monkeypatch.setattr(site.lab, "slots", slots)
    site.api.put(a_node("1"))
    site.api.away = True
    with capture_logs() as said:
        site.start()
        await site.until(lambda: asked > 3)
        monkeypatch.setattr(site.lab, "slots", good)
        await site.until(lambda: site.api.count_calls("claim") > 1)
        site.api.away = False
        await site.until_done()
    waited = "CannotRun: no coordinator at http://lab"
    told = [(one["event"], one["reason"]) for one in said if "wait" in one["event"]]
    assert told[0] == ("waiting", waited)
    assert told.count(told[0]) == 1, "said once, not every few seconds"
    assert told[-1][0] == "waited"


@pytest.mark.parametrize("call", ["claim", "report", "renew"])
async def test_a_token_that_has_expired_ends_neither_the_bridge_nor_a_job(
    site: Site, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr("kci_shared.channels.openings.PAUSE_S", 0)
    refusals = [ChannelDown("api: HTTP 401")] * 5
    site.refuse(call, lambda _: refusals.pop() if refusals else None)
    site.api.put(a_node("1"))
    site.start(lease=0.3)
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.outcome.result is Result.PASS


async def test_a_job_is_given_back_although_the_channel_was_down_for_a_moment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_shared.channels.openings.PAUSE_S", 0)
    refusals = [ChannelDown("api: ReadError")] * 3
    site.refuse("release", lambda _: refusals.pop() if refusals else None)
    site.api.put(a_node("1"))
    site.lab.seconds = 60
    bridge = site.start(drain=0.01)
    await site.until(lambda: site.lab.running)
    site.stop.set()
    await bridge
    assert site.api.releases == [("1", "the bridge stops")]


async def test_a_lab_that_cannot_be_used_ends_no_job(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_shared.channels.openings.PAUSE_S", 0)
    submit, refusals = site.lab.submit, [ChannelDown("lava: HTTP 403")] * 5

    async def refuse(job: LabJob) -> str:
        if refusals:
            raise refusals.pop()
        return await submit(job)

    monkeypatch.setattr(site.lab, "submit", refuse)
    site.api.put(a_node("1"))
    site.start()
    await site.until_done()
    [(_, report)] = site.api.reports
    assert report.outcome.result is Result.PASS


async def test_a_claim_that_the_api_refuses_as_invalid_ends_the_bridge(
    site: Site,
) -> None:
    site.refuse("claim", lambda _: Invalid("no such platform"))
    bridge = site.start()
    with pytest.raises(Invalid, match="no such platform"):
        await bridge
    site.bridges.clear()


async def test_a_folder_of_a_run_is_gone_when_the_run_is_over(site: Site) -> None:
    seen: list[Path] = []

    def look(lab_job: LabJob) -> RunOutcome:
        seen.append(lab_job.folder)
        assert lab_job.folder.is_dir()
        return RunOutcome(Result.PASS)

    site.api.put(a_node("1"))
    site.lab.behave = look
    site.start()
    await site.until_done()
    await site.until(lambda: not seen[0].exists())


async def test_an_adoption_race_is_not_an_error(site: Site) -> None:
    site.refuse("adopt", lambda _: Conflict("claimed by another bridge"))
    site.api.put(a_node("1"))
    site.lab.surviving = {"2": "run-2"}
    site.start()
    await site.until_done()
    assert site.lab.cancelled == ["run-2"]


async def test_a_checkout_becomes_available_with_what_is_known_of_it(
    site: Site, tmp_path: Path
) -> None:
    tarball = tmp_path / "linux.tar.gz"
    tarball.write_bytes(b"sources")
    site.api.put(a_node("1"))
    site.lab.behave = lambda _: RunOutcome(
        Result.PASS,
        state=State.AVAILABLE,
        files={"tarball": tarball},
        data={"misc": {"bytes": 7}},
    )
    site.start()
    await site.until_done()
    report = site.api.reports[0][1]
    assert report.outcome.state is State.AVAILABLE
    assert report.data == {"misc": {"bytes": 7}}
    assert report.artifacts == {"tarball": "http://storage/linux.tar.gz"}


async def test_an_outcome_is_worth_nothing_without_what_it_needs(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put_file(_: Path) -> str:
        raise StorageError("the disk is full")

    monkeypatch.setattr(artifacts, "STORE_S", 0.001)
    stamina.set_testing(True, attempts=1)
    monkeypatch.setattr(site.storage, "put_file", put_file)
    site.api.put(a_node("1"))
    site.lab.behave = lambda _: RunOutcome(
        Result.PASS, files={"kernel": tmp_path / "k"}, needed=frozenset({"kernel"})
    )
    site.start()
    await site.until_done()
    outcome = site.outcome
    assert (outcome.result, outcome.error_code) == ("incomplete", "Infrastructure")
    assert outcome.error_msg == "artifact: kernel: the disk is full"
