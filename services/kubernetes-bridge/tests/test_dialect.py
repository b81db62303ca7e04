# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from kubernetes_bridge_fakes import (
    JOBS,
    NODE_ID,
    PODS,
    Clusters,
    Event,
    FakeCluster,
    Jobs,
    until,
)

from kci_kubernetes_bridge import dialect, retries, watch
from kci_kubernetes_bridge.dialect import Cluster
from kci_shared.lab import LabError
from kci_shared.models import Progress, Result
from kci_shared.work import BadJob, CannotRun, LabJob, RunOutcome, TestOutcome
from kci_shared.work.build import MARK as MARK_OF_BUILD

NAME = f"kci-{NODE_ID}"
MARK = f"==kci-{NODE_ID}"
GOOD = f"{MARK} begin uname\n6.1\nok 1 a\n\n{MARK} end uname 0\n".encode()
BAD = GOOD.replace(b"uname 0", b"uname 1")
UNAME = "uname: uname -r"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(watch, "PAUSE_S", 0.005)
    monkeypatch.setattr(watch, "LONGEST_PAUSE_S", 0.005)


async def waiting(
    fake: FakeCluster, cluster: Cluster, job: LabJob
) -> asyncio.Task[RunOutcome]:
    """Submit a job, and wait for its end in a task that has begun to watch."""
    handle = await cluster.submit(job)
    task = asyncio.create_task(cluster.wait(job, handle))
    await until(lambda: len(fake.watches) == 2)
    return task


def ends(outcome: RunOutcome | TestOutcome) -> tuple[str, str | None, str | None]:
    return outcome.result.value, outcome.error_code, outcome.error_msg


async def test_a_job_is_submitted_watched_and_reported(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start()
    assert cluster.is_remote
    progress: list[Progress] = []
    task = await waiting(
        fake, cluster, replace(jobs.job(UNAME), progress=progress.append)
    )
    fake.pod(NAME, "Pending")
    fake.pod(NAME, "Running")
    fake.end(NAME, log=GOOD)
    outcome = await task
    assert list(dict.fromkeys(progress)) == [Progress.QUEUED, Progress.TESTING]
    assert ends(outcome) == ("pass", None, None)
    assert [t.path for t in outcome.tests] == [("uname",), ("uname", "a")]
    assert outcome.device == "n1"
    assert outcome.files["log"].read_bytes() == GOOD
    assert outcome.data == {"misc": {"kubernetes": {"exit_code": 0}}}
    assert not any(asked.startswith("DELETE") for asked in fake.asked)


async def test_a_failed_test_is_no_error_of_the_job(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job(UNAME))
    fake.end(NAME, code=1, log=BAD)
    outcome = await task
    assert ends(outcome) == ("fail", None, None)
    assert ends(outcome.tests[0]) == ("fail", "Test", "exit status 1")


async def test_a_job_without_tests_has_the_result_of_its_exit_status(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job())
    fake.end(NAME, code=3)
    outcome = await task
    assert ends(outcome) == ("fail", "Test", "exit status 3")
    assert outcome.files == {}, "an empty log is none"


async def test_a_job_whose_log_is_incomplete_does_not_pass(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job(UNAME, "later: true"))
    fake.end(NAME, log=GOOD)
    outcome = await task
    assert ends(outcome)[:2] == ("incomplete", "Infrastructure")
    assert [t.result.value for t in outcome.tests] == ["pass", "pass", "incomplete"]


async def test_a_job_that_two_bridges_submit_exists_once(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    first, second = await clusters.start(), await clusters.start()
    handles = await asyncio.gather(first.submit(jobs.job()), second.submit(jobs.job()))
    assert list(handles) == [NAME, NAME]
    assert await second.find(NODE_ID) == NAME
    fake.end(NAME)
    assert (await second.wait(jobs.job(), NAME)).result is Result.PASS


async def test_lost_answers_and_server_errors_are_retried(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start()
    fake.lose_answers = 1
    fake.faults = [429, 401, 403, httpx.ConnectError("refused")]
    assert await cluster.submit(jobs.job()) == NAME
    assert [a for a in fake.asked if a.startswith("POST")] == [fake.asked[0]] * 6
    fake.faults = [500, httpx.ReadTimeout("slow"), 429, 504]
    task = asyncio.create_task(cluster.wait(jobs.job(), NAME))
    await until(lambda: len(fake.watches) == 2)
    fake.faults = [503, 503]
    fake.end(NAME, log=b"all of it")
    outcome = await task
    assert outcome.result is Result.PASS
    assert outcome.files["log"].read_bytes() == b"all of it"


@pytest.mark.parametrize(
    "event",
    [
        None,
        b'{"type": "MODIFIED", "obj',
        b"<html>\n",
        {"type": "ERROR", "object": {"code": 410, "message": "too old"}},
    ],
    ids=["closed", "cut", "rubbish", "410"],
)
async def test_a_watch_that_ends_is_restarted(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs, event: Event
) -> None:
    fake.page = 1
    task = await waiting(fake, await clusters.start(), jobs.job())
    watches, fake.watches = fake.watches, []
    fake.end(NAME)  # nobody hears of it
    fake.put(PODS, "other", {"metadata": {}})
    fake.watches = watches
    fake.objects[PODS].pop("other")
    fake.end_watches(event)
    async with asyncio.timeout(30):
        assert (await task).result is Result.PASS


async def test_a_job_that_others_delete_is_canceled(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job())
    fake.pod(NAME, "Running")
    fake.delete(NAME)
    assert ends(await task)[:2] == ("incomplete", "Canceled")


async def test_a_job_that_is_deleted_between_two_watches_is_canceled(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job())
    watches, fake.watches = fake.watches, []
    fake.delete(NAME)
    fake.watches = watches
    fake.end_watches()
    assert ends(await task)[:2] == ("incomplete", "Canceled")


async def test_a_cancelled_job_keeps_its_log(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start()
    progress: list[Progress] = []
    job = replace(jobs.job(UNAME), progress=progress.append)
    task = await waiting(fake, cluster, job)
    fake.pod(NAME, "Running", log=b"until now\n")
    await until(lambda: Progress.TESTING in progress)
    await cluster.cancel(NAME)
    outcome = await task
    assert ends(outcome) == ("incomplete", "Canceled", "stopped by the bridge")
    assert outcome.files["log"].read_bytes() == b"until now\n"
    await cluster.cancel(NAME)  # it is gone: no error


async def test_a_job_that_is_over_is_not_deleted_by_a_cancel(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start()
    await cluster.submit(jobs.job())
    fake.end(NAME)
    await cluster.cancel(NAME)
    assert await cluster.find(NODE_ID) == NAME


async def test_a_job_that_can_never_start_is_deleted(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job(UNAME))
    state = {"waiting": {"reason": "ErrImagePull", "message": "none"}}
    fake.pod(NAME, "Pending", containerStatuses=[{"state": state}])
    assert ends(await task)[:2] == ("incomplete", "Infrastructure")
    assert f"DELETE /apis/batch/v1/namespaces/kernelci/jobs/{NAME}" in fake.asked


async def test_a_job_whose_pod_has_ended_is_kept_for_a_bridge_that_comes_back(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(), jobs.job())
    fake.pod(NAME, "Succeeded")  # before its Job
    assert (await task).result is Result.PASS
    assert not any(asked.startswith("DELETE") for asked in fake.asked)


async def test_a_pod_may_report_its_end_after_its_job(
    clusters: Clusters,
    fake: FakeCluster,
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "SETTLE_S", 3600)
    cluster = await clusters.start()
    flight = cluster.watch.begin(await cluster.submit(jobs.job()))
    task = asyncio.create_task(cluster.watch.end_of(flight))
    await until(lambda: len(fake.watches) == 2)
    fake.condition(NAME, "Failed", reason="BackoffLimitExceeded")
    await until(lambda: flight.job is not None and flight.job.is_over)
    fake.end(NAME, code=7)
    verdict = await task
    assert (verdict.result, verdict.exit_code) == (Result.FAIL, 7)


async def test_a_pod_without_a_status_is_waited_for_a_while_only(
    clusters: Clusters,
    fake: FakeCluster,
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "SETTLE_S", 0.01)
    task = await waiting(fake, await clusters.start(), jobs.job())
    fake.condition(NAME, "Complete")
    assert (await task).result is Result.PASS


async def test_a_long_log_is_cut(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "MAX_LOG_BYTES", 1000)
    task = await waiting(fake, await clusters.start(), jobs.job())
    fake.end(NAME, log=b"x" * 200_000)
    kept = (await task).files["log"].read_bytes()
    assert kept[:1000] == b"x" * 1000
    assert kept[1000:] == b"\n[the log is longer: the rest is left out]\n"


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda c, j: c.slots(), "list pods"),
        (lambda c, j: c.submit(j), "create batch/jobs"),
        (lambda c, j: c.cancel(NAME), "get batch/jobs"),
    ],
)
async def test_a_missing_right_is_named(
    clusters: Clusters,
    fake: FakeCluster,
    jobs: Jobs,
    call: Callable[[Cluster, LabJob], Awaitable[object]],
    right: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "DENIED_S", 0.02)
    fake.faults = [403] * 1000
    message = rf"the right to {right} in the namespace kernelci \(see manifests/rbac"
    with pytest.raises(LabError, match=message):
        await call(await clusters.start(), jobs.job())


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (422, BadJob, "refuses the job"),
        (413, LabError, "413"),
    ],
)
async def test_a_refused_job_ends_with_the_clusters_reason(
    clusters: Clusters,
    fake: FakeCluster,
    jobs: Jobs,
    status: int,
    kind: type[CannotRun],
    message: str,
) -> None:
    fake.faults = [status]
    with pytest.raises(kind, match=f"{message}.*a fault"):
        await (await clusters.start()).submit(jobs.job())


async def test_a_job_of_the_same_name_that_is_not_ours_is_left_alone(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start()
    await cluster.submit(jobs.job())
    fake.objects[JOBS][NAME]["metadata"]["labels"] = {}
    with pytest.raises(LabError, match="not this bridge's"):
        await cluster.submit(jobs.job())


async def test_a_job_that_is_being_deleted_is_created_again(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start()
    await cluster.submit(jobs.job())
    about = fake.objects[JOBS][NAME]["metadata"]
    about["deletionTimestamp"] = "2026-11-01T00:00:00Z"
    assert await cluster.find(NODE_ID) is None
    task = asyncio.create_task(cluster.submit(jobs.job()))
    tries = fake.asked.count(f"POST {JOBS}")
    await until(lambda: fake.asked.count(f"POST {JOBS}") > tries + 1)
    assert not task.done()
    fake.delete(NAME)
    assert await task == NAME


async def test_nothing_is_claimed_while_pods_wait(
    clusters: Clusters, fake: FakeCluster
) -> None:
    cluster = await clusters.start(pending=2)
    assert await cluster.slots() == {"kubernetes": 2}
    fake.pod("kci-1", "Pending")
    fake.pod("kci-2", "Running")
    assert await cluster.slots() == {"kubernetes": 1}
    for number in range(3, 9):
        fake.pod(f"kci-{number}", "Pending")
    assert await cluster.slots() == {"kubernetes": 0}


async def test_nothing_is_claimed_while_the_cluster_makes_no_pods(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start(pending=2)
    task = await waiting(fake, cluster, jobs.job())
    assert await cluster.slots() == {"kubernetes": 1}
    fake.pod(NAME, "Pending")
    assert await cluster.slots() == {"kubernetes": 1}
    fake.end(NAME)
    await task
    assert await cluster.slots() == {"kubernetes": 2}


BUILDS = {"image": "kci-builder", "secret": "storage"}
LOST = {"exitCode": 137, "reason": "OOMKilled"}


async def test_a_build_ends_as_its_second_container_reports(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start(builds=BUILDS)
    assert await cluster.slots() == {"kubernetes": 10, "build": 10}
    task = await waiting(fake, cluster, jobs.build())
    fake.pod(NAME, "Running")
    url = "http://s/0/bzImage"
    report = f'{{"result": "pass", "artifacts": {{"kernel": "{url}"}}}}'
    fake.end(NAME, log=f"{MARK_OF_BUILD}{report}\n".encode())
    outcome = await task
    assert ends(outcome) == ("pass", None, None)
    assert outcome.artifacts == {"kernel": url}
    assert outcome.device == "n1"


async def test_a_build_that_is_killed_leaves_its_own_log(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    task = await waiting(fake, await clusters.start(builds=BUILDS), jobs.build())
    state = {"name": "build", "state": {"terminated": LOST}}
    waits = {"name": "job", "state": {"waiting": {"reason": "PodInitializing"}}}
    fake.logs[f"{NAME}-x/build"] = b"  CC init/main.o\n"
    fake.pod(NAME, "Failed", initContainerStatuses=[state], containerStatuses=[waits])
    outcome = await task
    assert ends(outcome)[:2] == ("incomplete", "Infrastructure")
    assert "OOMKilled" in str(outcome.error_msg)
    assert outcome.files["build_log"].read_bytes() == b"  CC init/main.o\n"


async def test_a_build_that_runs_does_not_count_as_waiting(
    clusters: Clusters, fake: FakeCluster, jobs: Jobs
) -> None:
    cluster = await clusters.start(builds=BUILDS, pending=2)
    task = await waiting(fake, cluster, jobs.build())
    fake.pod(NAME, "Pending")
    assert (await cluster.slots())["build"] == 1
    fake.objects[PODS][f"{NAME}-x"]["spec"] = {"nodeName": "n1"}
    async with asyncio.timeout(30):
        while (await cluster.slots())["build"] != 2:  # until the watch has seen it
            await asyncio.sleep(0.01)
    task.cancel()
