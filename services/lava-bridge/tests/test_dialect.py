# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from kci_lava_bridge import callbacks, capacity, dialect, log, watch
from kci_lava_bridge.dialect import LavaLab
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.settings import Settings
from kci_shared.lab import LabError, NoDevice
from kci_shared.models import ErrorCode, Result
from kci_shared.work import BadJob

RESULTS = b"""
- {id: '2', suite: lava, name: job, result: pass, metadata: {}}
- {id: '1', suite: 0_kci, name: uname, result: pass, log_start_line: '2',
   log_end_line: '3', metadata: {}}
"""
LOG = b"""\
- {"lvl": "target", "msg": "Linux version 6.1"}
- {"lvl": "target", "msg": "ok 1 first"}
- {"lvl": "target", "msg": "not ok 2 second"}
"""
TESTS = [{"id": "uname", "run": "uname"}, {"id": "later", "run": "true"}]
DEFINITION = {
    "artifacts": {"kernel": "http://s/Image", "ramdisk": "http://s/r.cpio.gz"},
    "tests": TESTS,
    "timeout": 100,
}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUICK", 0.005)
    monkeypatch.setattr(dialect, "PAUSE", 0.005)
    monkeypatch.setattr(callbacks, "PATIENCE", 0.1)


@pytest.fixture
async def make(lab: Any, lava: Lava) -> AsyncIterator[Any]:
    """Make the dialect of a bridge; several may be alive."""
    lives: list[Any] = []

    async def start(**changes: Any) -> LavaLab:
        told: dict[str, Any] = {"lab": Path("unused"), "runtime": "lab-x"}
        settings = Settings(
            api_url="http://a", token="t", storage_url="http://s", **told
        )
        made = LavaLab(
            lab(**{"poll": 0.02, "callback": "http://b", **changes}), lava, settings
        )
        lives.append(made.watch.running())
        await lives[-1].__aenter__()
        return made

    yield start
    for life in lives:
        await life.__aexit__(None, None, None)


async def call(lab: LavaLab, node_id: str, token: str, body: bytes) -> httpx.Response:
    path = "/callback/{runtime}/{node_id}"
    app = Starlette(routes=[Route(path, lab.desk.on_call, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as http:
        headers = {"Authorization": token}
        return await http.post(lab.desk.path(node_id), content=body, headers=headers)


async def test_a_job_is_submitted_watched_and_told(
    make: Any, fake: Any, job: Any
) -> None:
    qemu = {"type": "qemu", "boot": "qemu", "arguments": "console=ttyS0,115200"}
    secret = {"context": {"arch": "x86_64"}, "job": {"secrets": {"KEY": "hidden"}}}
    lab = await make(devices={"qemu": {**qemu, **secret}})
    assert lab.is_remote
    wanted = job(definition=DEFINITION)
    handle = await lab.submit(wanted)
    assert "hidden" in fake.jobs[1].definition
    inner = b"- {id: '3', suite: 0_kci, name: inner, result: pass, metadata: {}}\n"
    fake.finish(1, results=RESULTS + inner, log=LOG)
    outcome = await lab.wait(wanted, handle)
    tests = {"/".join(t.path): (t.result.value, t.error_msg) for t in outcome.tests}
    assert tests == {
        "uname": ("fail", "failed: second"),
        "uname/first": ("pass", None),
        "uname/second": ("fail", None),
        "later": ("incomplete", "not run: LAVA has no result of it"),
        "kci/inner": ("pass", None),
    }
    assert (outcome.result, outcome.device) == (Result.FAIL, "qemu-01")
    assert outcome.data["job_url"] == "http://lava/scheduler/job/1"
    assert outcome.files["log"].read_text().startswith("Linux version 6.1\n")
    assert gzip.decompress(outcome.files["lava_log"].read_bytes()) == LOG
    told = outcome.files["definition"].read_text()
    assert lab.desk.token(wanted.id) not in told
    assert "hidden" not in told
    assert f"job_name: {wanted.id}" in told


async def test_a_test_that_says_too_much_to_be_read_has_not_passed(
    make: Any, fake: Any, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LARGEST_OUTPUT", 100)
    lab = await make()
    wanted = job(definition={**DEFINITION, "tests": TESTS[:1]})
    handle = await lab.submit(wanted)
    fake.finish(1, results=RESULTS, log=LOG)
    outcome = await lab.wait(wanted, handle)
    assert outcome.result is Result.INCOMPLETE
    assert [test.path for test in outcome.tests] == [("uname",), ("uname", "first")]
    said = "it says more than can be read: see the log"
    assert outcome.tests[0].error_msg == said


async def test_an_answer_that_is_lost_makes_no_second_job(
    make: Any, fake: Any, job: Any
) -> None:
    fake.lose_answers = 1
    assert await (await make()).submit(job()) == "1"
    assert len(fake.jobs) == 1


async def test_a_lab_that_is_down_is_waited_for(make: Any, fake: Any, job: Any) -> None:
    fake.down = True
    submitting = asyncio.create_task((await make()).submit(job()))
    await asyncio.sleep(0.05)
    fake.down = False
    assert await submitting == "1"
    assert len(fake.jobs) == 1


async def test_a_job_that_lava_cannot_read_is_not_tried_for_ever(
    make: Any, fake: Any, job: Any
) -> None:
    fake.errors = 100
    with pytest.raises(LabError, match="HTTP 500"):
        await (await make()).submit(job())
    assert fake.errors == 97


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Problem with submitted job data: x", BadJob),
        ("Devices unavailable: Device type 'x' is unavailable.", NoDevice),
        ("No devices of type qemu are available", NoDevice),
    ],
)
async def test_what_lava_refuses_is_said(
    make: Any, fake: Any, job: Any, said: str, kind: type[LabError]
) -> None:
    fake.refuse = said
    with pytest.raises(kind, match="LAVA refuses the job"):
        await (await make()).submit(job())


async def test_a_later_attempt_takes_the_job_over(
    make: Any, fake: Any, job: Any
) -> None:
    assert await (await make()).submit(job()) == "1"
    assert await (await make()).submit(job(attempt=2)) == "1"
    assert len(fake.jobs) == 1


async def test_a_job_that_was_cancelled_is_not_taken_over(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make()
    await lab.cancel(await lab.submit(job()))
    assert await lab.submit(job(attempt=2)) == "2"


async def test_nobody_elses_job_is_taken_for_ours(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make()
    await lab.submit(job())
    fake.jobs[1].submitter = "mallory"
    assert await lab.find(job().id) is None
    fake.jobs[1].submitter = "kernelci"
    fake.jobs[1].definition = fake.jobs[1].definition.replace("lab-x", "lab-y")
    assert await lab.find(job().id) is None


async def test_a_call_makes_the_bridge_look_at_once(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make(poll=3600)
    wanted = job()
    waiting = asyncio.create_task(lab.wait(wanted, await lab.submit(wanted)))
    await asyncio.sleep(0.1)  # its first looks are over
    fake.finish(1)
    token = lab.desk.token(wanted.id)
    body = json.dumps({"id": 1, "status": 2, "token": token}).encode()
    answer = await call(lab, wanted.id, token, body)
    assert (answer.status_code, answer.json()) == (200, {"detail": "heard"})
    outcome = await asyncio.wait_for(waiting, 30)
    kept = outcome.files["callback"].read_text()
    assert '"id": 1' in kept
    assert token not in kept
    again = await call(lab, wanted.id, token, body)
    assert again.json() == {"detail": "nobody waits for this job any more"}


async def test_a_call_is_heard_only_with_the_token_of_its_own_job(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make(poll=3600)
    wanted = job()
    waiting = asyncio.create_task(lab.wait(wanted, await lab.submit(wanted)))
    await asyncio.sleep(0.1)
    asked = len(fake.asked)
    token, body = lab.desk.token(wanted.id), b'{"id": 1}'
    for sent, said in (
        ("", body),
        ("lava-token", body),
        (lab.desk.token("another"), body),
        (f"Token {token}", body),
        (token, b'{"id": 2}'),
        (token, b'{"id": "1"}'),
        (token, b'{"id": true}'),
        (token, b"[]"),
        (token, b"no json"),
        (token, b"[" * 100_000),
    ):
        assert (await call(lab, wanted.id, sent, said)).status_code == 403
    big = b'{"id": 1, "log": "' + b"x" * callbacks.LARGEST_BODY + b'"}'
    assert (await call(lab, wanted.id, token, big)).status_code == 413
    assert len(fake.asked) == asked
    assert not (wanted.folder / callbacks.FILE).exists()
    waiting.cancel()
    await asyncio.wait({waiting})


async def test_a_call_that_comes_before_the_jobs_id_waits_for_it(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make()
    wanted = job()
    handle = await lab.submit(wanted)
    early = asyncio.create_task(
        call(lab, wanted.id, lab.desk.token(wanted.id), b'{"id": 1}')
    )
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(lab.wait(wanted, handle))
    assert (await early).json() == {"detail": "heard"}
    fake.finish(1)
    await waiting


async def test_a_job_that_is_polled_ends_without_a_call(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make(callback=None)
    wanted = job()
    handle = await lab.submit(wanted)
    assert "notify" not in fake.jobs[1].definition
    waiting = asyncio.create_task(lab.wait(wanted, handle))
    await asyncio.sleep(0.05)
    fake.down = True
    await asyncio.sleep(0.05)
    fake.down = False
    fake.finish(1, health="Incomplete")
    outcome = await asyncio.wait_for(waiting, 30)
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert "log" not in outcome.files


async def test_a_job_is_queued_then_boots_then_tests(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make()
    told: list[str] = []
    wanted = replace(job(definition=DEFINITION), progress=told.append)
    waiting = asyncio.create_task(lab.wait(wanted, await lab.submit(wanted)))
    assert told == ["queued"]
    fake.start(1, seconds_ago=1)
    fake.jobs[1].suites = ["lava"]
    async with asyncio.timeout(30):
        while told != ["queued", "booting"]:
            await asyncio.sleep(0.01)
        fake.jobs[1].suites = ["lava", "0_kci"]
        while told != ["queued", "booting", "testing"]:
            await asyncio.sleep(0.01)
    asked = fake.asked.count("GET /api/v0.2/jobs/1/suites/")
    await asyncio.sleep(0.1)
    assert fake.asked.count("GET /api/v0.2/jobs/1/suites/") == asked
    fake.finish(1, results=RESULTS, log=LOG)
    await asyncio.wait_for(waiting, 30)


async def test_a_job_of_a_dead_worker_does_not_run_for_ever(
    make: Any, fake: Any, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CANCEL_SECONDS", 0.05)
    fake.stuck = True
    lab = await make()
    wanted = job(definition=DEFINITION)
    handle = await lab.submit(wanted)
    fake.start(1, seconds_ago=100 + watch.LATE_SECONDS - 1)
    waiting = asyncio.create_task(lab.wait(wanted, handle))
    await asyncio.sleep(0.05)
    assert fake.canceled == []
    fake.start(1, seconds_ago=100 + watch.LATE_SECONDS + 1)
    with pytest.raises(LabError, match="is its worker down"):
        await asyncio.wait_for(waiting, 30)
    assert fake.canceled == [1]


async def test_a_job_that_cannot_be_stopped_keeps_no_other_waiting(
    make: Any,
    fake: Any,
    job: Any,
    node: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = await make()
    stuck = job(definition=DEFINITION)
    other = node("6501a1b2c3d4e5f601234568", definition=DEFINITION)
    fine = replace(stuck, node=other, folder=tmp_path)
    handles = [await lab.submit(stuck), await lab.submit(fine)]
    fake.guarded = {1}
    fake.start(1, seconds_ago=100 + watch.LATE_SECONDS + 1)
    waiting = asyncio.create_task(lab.wait(stuck, handles[0]))
    await asyncio.sleep(0.02)
    fake.finish(2, results=RESULTS, log=LOG)
    await asyncio.wait_for(lab.wait(fine, handles[1]), 30)
    assert not waiting.done()
    monkeypatch.setattr(watch, "CANCEL_SECONDS", 0.0)
    with pytest.raises(LabError, match="does not stop job 1"):
        await asyncio.wait_for(waiting, 30)


@pytest.mark.parametrize("again", [True, False])
async def test_a_number_that_lava_gives_to_another_job_is_not_taken_for_ours(
    make: Any, fake: Any, job: Any, node: Any, tmp_path: Path, again: bool
) -> None:
    lab = await make()
    ours = job(definition=DEFINITION)
    waiting = asyncio.create_task(lab.wait(ours, await lab.submit(ours)))
    await asyncio.sleep(0.02)
    fake.jobs.clear()  # an older database is restored
    other = node("6501a1b2c3d4e5f601234568", definition=DEFINITION)
    theirs = replace(ours, node=other, folder=tmp_path)
    handle = await lab.submit(theirs)
    assert handle == "1", "the same number"
    if again:
        also = asyncio.create_task(lab.wait(theirs, handle))
        await asyncio.sleep(0.02)
        fake.finish(1, results=RESULTS, log=LOG)
        assert (await asyncio.wait_for(also, 30)).result is Result.FAIL
    outcome = await asyncio.wait_for(waiting, 30)
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert outcome.error_msg == "LAVA has another job 1: was its database restored?"
    assert fake.canceled == []


async def test_a_job_that_lava_has_lost_is_the_labs_fault(
    make: Any, fake: Any, job: Any
) -> None:
    lab = await make()
    with pytest.raises(LabError, match="no job 7 any more"):
        await lab.wait(job(), "7")


@pytest.mark.parametrize(
    ("by_us", "started", "said"),
    [
        (True, True, "stopped by the bridge"),
        (False, False, "no device for it in time"),
        (False, True, "somebody canceled it in LAVA"),
    ],
)
async def test_who_cancelled_a_job_is_told(
    make: Any, fake: Any, job: Any, by_us: bool, started: bool, said: str
) -> None:
    lab = await make()
    wanted = job()
    handle = await lab.submit(wanted)
    if started:
        fake.start(1, seconds_ago=1)
    if by_us:
        await lab.cancel(handle)
    fake.finish(1, health="Canceled")
    outcome = await lab.wait(wanted, handle)
    assert outcome.error_code is ErrorCode.CANCELED
    assert said in (outcome.error_msg or "")


async def test_a_job_of_several_devices_is_a_tree_by_role(
    make: Any, fake: Any, job: Any
) -> None:
    roles = {"roles": {"client": 1, "server": 1}}
    devices = {"qemu": {"type": "qemu", "boot": "qemu", **roles}}
    lab = await make(devices=devices)
    wanted = job(definition={**DEFINITION, "tests": TESTS[:1]})
    handle = await lab.submit(wanted)
    assert handle == "1,2"
    fake.finish(1, results=RESULTS)
    fake.finish(2, health="Incomplete", results=RESULTS, log=LOG)
    outcome = await lab.wait(wanted, handle)
    tests = {"/".join(test.path): test.result.value for test in outcome.tests}
    assert tests["client-1"] == "pass"
    assert tests["client-1/uname"] == "pass"
    assert tests["server-2"] == "incomplete"
    assert (outcome.result, outcome.error_code) == ("incomplete", "Infrastructure")
    assert {"log", "log_server-2"} <= set(outcome.files)
    await lab.cancel(handle)
    assert fake.canceled == [1, 2]


async def test_there_is_room_for_what_lavas_devices_can_take(
    make: Any, fake: Any, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.workers = [
        {"hostname": "w", "state": "Online", "health": "Active"},
        {"hostname": "x", "state": "Offline", "health": "Active"},
        {"hostname": "y", "state": "Online", "health": "Maintenance"},
    ]

    def device(name: str, **more: Any) -> dict[str, Any]:
        told = {"device_type": "qemu", "state": "Idle", "health": "Good"}
        return {"hostname": name, "worker_host": "w", "tags": [1], **told, **more}

    fake.devices = [
        device("a"),
        device("b", health="Unknown", state="Running", tags=[]),
        device("c", health="Maintenance"),
        device("d", worker_host="x"),
        device("e", worker_host="y"),
        device("f", device_type="other"),
        device("g", worker_host=None),
    ]
    kinds = {
        "plain": {"type": "qemu"},
        "alias": {"type": "alias", "tags": ["tcg"]},
        "tag": {"type": "qemu", "tags": ["no-such-tag"]},
        "type": {"type": "no-such-type"},
    }
    devices = {name: {"boot": "qemu", **told} for name, told in kinds.items()}
    lab = await make(devices=devices, depth=1)
    assert await lab.slots() == {"plain": 3, "alias": 2, "tag": 0, "type": 0}
    asked = len(fake.asked)
    await lab.submit(job(platform="plain"))
    assert await lab.slots() == {"plain": 2, "alias": 2, "tag": 0, "type": 0}
    assert len(fake.asked) == asked + 1
    monkeypatch.setattr(capacity, "KEPT_SECONDS", 0)
    assert await lab.slots() == {"plain": 2, "alias": 1, "tag": 0, "type": 0}
    assert lab.capacity() == {"plain": 2, "alias": 1, "tag": 0, "type": 0}
    probes = {
        probe.what: (str(probe.grade), probe.message) for probe in await lab.check()
    }
    assert probes["LAVA"] == ("ok", "http://lava answers; we are kernelci")
    assert probes["plain"][1].startswith("2 of 6 are for us: a (Good, Idle), b (Unkn")
    assert probes["tag"][0] == "wrong"
    assert "with the tags no-such-tag" in probes["tag"][1]
    assert probes["type"] == ("wrong", "LAVA shows us no device of type no-such-type")


async def test_a_check_of_a_lava_that_is_down_says_so(make: Any, fake: Any) -> None:
    fake.down = True
    [probe] = await (await make()).check()
    assert (probe.is_bad, "connection refused" in probe.message) == (True, True)
    assert "`url`" in probe.advice


async def test_a_server_that_is_no_lava_is_told_from_one(make: Any, fake: Any) -> None:
    fake.is_other = True
    lab = await make()
    [probe] = await lab.check()
    said = "LAVA: /api/v0.2/system/whoami/: not as LAVA answers: the answer: Invalid"
    assert probe.is_bad
    assert probe.message.startswith(said)
    with pytest.raises(LabError, match="devices/: not as LAVA answers"):
        await lab.slots()


async def test_a_platform_that_the_lab_does_not_have_is_named(
    make: Any, fake: Any, job: Any
) -> None:
    with pytest.raises(NoDevice, match="no riotboard, but qemu"):
        await (await make()).submit(job(platform="riotboard"))
