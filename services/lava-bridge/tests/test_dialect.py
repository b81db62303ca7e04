# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from lava_bridge_fakes import FakeLava, Labs, call

from kci_fakes.waiting import until
from kci_lava_bridge import callbacks, capacity, log, watch
from kci_shared.errors import ChannelDown
from kci_shared.lab import LabError, NoDevice
from kci_shared.models import ErrorCode, Progress, Result
from kci_shared.work import BadJob, CannotRun

OTHER_ID = "6501a1b2c3d4e5f601234568"
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


async def test_a_job_is_submitted_watched_and_told(labs: Labs, fake: FakeLava) -> None:
    qemu = {"type": "qemu", "boot": "qemu", "arguments": "console=ttyS0,115200"}
    secret = {"context": {"arch": "x86_64"}, "job": {"secrets": {"KEY": "hidden"}}}
    lab = await labs.start(devices={"qemu": {**qemu, **secret}})
    assert lab.is_remote
    wanted = labs.job(definition=DEFINITION)
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
    assert lab.callbacks.token(wanted.id) not in told
    assert "hidden" not in told
    assert f"job_name: {wanted.id}" in told


async def test_a_test_that_says_too_much_to_be_read_has_not_passed(
    labs: Labs, fake: FakeLava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_OUTPUT_BYTES", 100)
    lab = await labs.start()
    wanted = labs.job(definition={**DEFINITION, "tests": TESTS[:1]})
    handle = await lab.submit(wanted)
    fake.finish(1, results=RESULTS, log=LOG)
    outcome = await lab.wait(wanted, handle)
    assert outcome.result is Result.INCOMPLETE
    assert [test.path for test in outcome.tests] == [("uname",), ("uname", "first")]
    said = "it says more than can be read: see the log"
    assert outcome.tests[0].error_msg == said


async def test_an_answer_that_is_lost_makes_no_second_job(
    labs: Labs, fake: FakeLava
) -> None:
    fake.lose_answers = 1
    assert await (await labs.start()).submit(labs.job()) == "1"
    assert len(fake.jobs) == 1


@pytest.mark.parametrize("fault", ["down", "is_denied", "is_other"])
async def test_a_lab_that_cannot_be_used_is_waited_for(
    labs: Labs, fake: FakeLava, fault: str
) -> None:
    setattr(fake, fault, True)
    submitting = asyncio.create_task((await labs.start()).submit(labs.job()))
    await until(lambda: len(fake.requests) > 1)
    setattr(fake, fault, False)
    assert await submitting == "1"
    assert len(fake.jobs) == 1


async def test_a_job_that_lava_cannot_read_is_not_tried_for_ever(
    labs: Labs, fake: FakeLava
) -> None:
    fake.errors = 100
    with pytest.raises(LabError, match="HTTP 500"):
        await (await labs.start()).submit(labs.job())
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
    labs: Labs, fake: FakeLava, said: str, kind: type[CannotRun]
) -> None:
    fake.refuse = said
    with pytest.raises(kind, match="LAVA refuses the job"):
        await (await labs.start()).submit(labs.job())


async def test_a_later_attempt_takes_the_job_over(labs: Labs, fake: FakeLava) -> None:
    assert await (await labs.start()).submit(labs.job()) == "1"
    assert await (await labs.start()).submit(labs.job(attempt=2)) == "1"
    assert len(fake.jobs) == 1


async def test_a_job_that_was_cancelled_is_not_taken_over(
    labs: Labs, fake: FakeLava
) -> None:
    lab = await labs.start()
    await lab.cancel(await lab.submit(labs.job()))
    assert await lab.submit(labs.job(attempt=2)) == "2"


async def test_nobody_elses_job_is_taken_for_ours(labs: Labs, fake: FakeLava) -> None:
    lab = await labs.start()
    await lab.submit(labs.job())
    fake.jobs[1].submitter = "mallory"
    assert await lab.find(labs.job().id) is None
    fake.jobs[1].submitter = "kernelci"
    fake.jobs[1].definition = fake.jobs[1].definition.replace("lab-x", "lab-y")
    assert await lab.find(labs.job().id) is None


async def test_a_call_makes_the_bridge_look_at_once(labs: Labs, fake: FakeLava) -> None:
    lab = await labs.start(poll=3600)
    wanted = labs.job()
    waiting = asyncio.create_task(lab.wait(wanted, await lab.submit(wanted)))
    await until(lambda: fake.looks == watch.QUICK_LOOKS)  # no more is due in an hour
    fake.finish(1)
    token = lab.callbacks.token(wanted.id)
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
    labs: Labs, fake: FakeLava
) -> None:
    lab = await labs.start(poll=3600)
    wanted = labs.job()
    waiting = asyncio.create_task(lab.wait(wanted, await lab.submit(wanted)))
    await until(lambda: fake.looks == watch.QUICK_LOOKS)
    asked = len(fake.requests)
    token, body = lab.callbacks.token(wanted.id), b'{"id": 1}'
    for sent, said in (
        ("", body),
        ("lava-token", body),
        (lab.callbacks.token("another"), body),
        (f"Token {token}", body),
        (token, b'{"id": 2}'),
        (token, b'{"id": "1"}'),
        (token, b'{"id": true}'),
        (token, b"[]"),
        (token, b"no json"),
        (token, b"[" * 100_000),
    ):
        assert (await call(lab, wanted.id, sent, said)).status_code == 403
    big = b'{"id": 1, "log": "' + b"x" * callbacks.MAX_BODY_BYTES + b'"}'
    assert (await call(lab, wanted.id, token, big)).status_code == 413
    assert len(fake.requests) == asked
    assert not (wanted.folder / callbacks.CALLBACK_FILE).exists()
    waiting.cancel()
    await asyncio.wait({waiting})


async def test_a_call_that_comes_before_the_jobs_id_waits_for_it(
    labs: Labs, fake: FakeLava
) -> None:
    lab = await labs.start()
    wanted = labs.job()
    handle = await lab.submit(wanted)
    early = asyncio.create_task(
        call(lab, wanted.id, lab.callbacks.token(wanted.id), b'{"id": 1}')
    )
    for _ in range(10):
        await asyncio.sleep(0)  # the call arrives
    assert not early.done()
    waiting = asyncio.create_task(lab.wait(wanted, handle))
    assert (await early).json() == {"detail": "heard"}
    fake.finish(1)
    await waiting


async def test_a_job_that_is_polled_ends_without_a_call(
    labs: Labs, fake: FakeLava
) -> None:
    lab = await labs.start(callback=None)
    wanted = labs.job()
    handle = await lab.submit(wanted)
    assert "notify" not in fake.jobs[1].definition
    waiting = asyncio.create_task(lab.wait(wanted, handle))
    await until(lambda: fake.looks > watch.QUICK_LOOKS)
    fake.down = True
    looks = fake.looks
    await until(lambda: fake.looks > looks + 1)
    fake.down = False
    fake.finish(1, health="Incomplete")
    outcome = await asyncio.wait_for(waiting, 30)
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert "log" not in outcome.files


async def test_a_job_is_queued_then_boots_then_tests(
    labs: Labs, fake: FakeLava
) -> None:
    lab = await labs.start()
    told: list[Progress] = []
    wanted = replace(labs.job(definition=DEFINITION), progress=told.append)
    waiting = asyncio.create_task(lab.wait(wanted, await lab.submit(wanted)))
    assert told == ["queued"]
    fake.start(1, seconds_ago=1)
    fake.jobs[1].suites = ["lava"]
    await until(lambda: told == ["queued", "booting"])
    fake.jobs[1].suites = ["lava", "0_kci"]
    await until(lambda: told == ["queued", "booting", "testing"])
    asked = fake.requests.count("GET /api/v0.2/jobs/1/suites/")
    looks = fake.looks
    await until(lambda: fake.looks > looks + 3)
    assert fake.requests.count("GET /api/v0.2/jobs/1/suites/") == asked
    fake.finish(1, results=RESULTS, log=LOG)
    await asyncio.wait_for(waiting, 30)


async def test_a_job_of_a_dead_worker_does_not_run_for_ever(
    labs: Labs, fake: FakeLava, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CANCEL_S", 0.05)
    fake.stuck = True
    lab = await labs.start()
    wanted = labs.job(definition=DEFINITION)
    handle = await lab.submit(wanted)
    fake.start(1, seconds_ago=100 + watch.OVERTIME_S - 1)
    waiting = asyncio.create_task(lab.wait(wanted, handle))
    await until(lambda: fake.looks > 2)
    assert fake.cancelled == []
    fake.start(1, seconds_ago=100 + watch.OVERTIME_S + 1)
    with pytest.raises(LabError, match="is its worker down"):
        await asyncio.wait_for(waiting, 30)
    assert fake.cancelled == [1]


async def test_a_job_that_cannot_be_stopped_keeps_no_other_waiting(
    labs: Labs,
    fake: FakeLava,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = await labs.start()
    stuck = labs.job(definition=DEFINITION)
    fine = labs.job(OTHER_ID, definition=DEFINITION)
    handles = [await lab.submit(stuck), await lab.submit(fine)]
    fake.guarded = {1}
    fake.start(1, seconds_ago=100 + watch.OVERTIME_S + 1)
    waiting = asyncio.create_task(lab.wait(stuck, handles[0]))
    await until(lambda: fake.looks > 2)
    fake.finish(2, results=RESULTS, log=LOG)
    await asyncio.wait_for(lab.wait(fine, handles[1]), 30)
    assert not waiting.done()
    monkeypatch.setattr(watch, "CANCEL_S", 0.0)
    with pytest.raises(LabError, match="does not stop job 1"):
        await asyncio.wait_for(waiting, 30)


@pytest.mark.parametrize("again", [True, False])
async def test_a_number_that_lava_gives_to_another_job_is_not_taken_for_ours(
    labs: Labs, fake: FakeLava, again: bool
) -> None:
    lab = await labs.start()
    ours = labs.job(definition=DEFINITION)
    waiting = asyncio.create_task(lab.wait(ours, await lab.submit(ours)))
    await until(lambda: fake.looks)
    fake.jobs.clear()  # an older database is restored
    theirs = labs.job(OTHER_ID, definition=DEFINITION)
    handle = await lab.submit(theirs)
    assert handle == "1", "the same number"
    if again:
        also = asyncio.create_task(lab.wait(theirs, handle))
        looks = fake.looks
        await until(lambda: fake.looks > looks)
        fake.finish(1, results=RESULTS, log=LOG)
        assert (await asyncio.wait_for(also, 30)).result is Result.FAIL
    outcome = await asyncio.wait_for(waiting, 30)
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert outcome.error_msg == "LAVA has another job 1: was its database restored?"
    assert fake.cancelled == []


async def test_a_job_that_lava_has_lost_is_the_labs_fault(
    labs: Labs, fake: FakeLava
) -> None:
    lab = await labs.start()
    with pytest.raises(LabError, match="no job 7 any more"):
        await lab.wait(labs.job(), "7")


@pytest.mark.parametrize(
    ("by_us", "started", "said"),
    [
        (True, True, "stopped by the bridge"),
        (False, False, "no device for it in time"),
        (False, True, "somebody canceled it in LAVA"),
    ],
)
async def test_who_cancelled_a_job_is_told(
    labs: Labs, fake: FakeLava, by_us: bool, started: bool, said: str
) -> None:
    lab = await labs.start()
    wanted = labs.job()
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
    labs: Labs, fake: FakeLava
) -> None:
    roles = {"roles": {"client": 1, "server": 1}}
    devices = {"qemu": {"type": "qemu", "boot": "qemu", **roles}}
    lab = await labs.start(devices=devices)
    wanted = labs.job(definition={**DEFINITION, "tests": TESTS[:1]})
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
    assert fake.cancelled == [1, 2]


async def test_there_is_room_for_what_lavas_devices_can_take(
    labs: Labs, fake: FakeLava, monkeypatch: pytest.MonkeyPatch
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
    kinds: dict[str, dict[str, object]] = {
        "plain": {"type": "qemu"},
        "alias": {"type": "alias", "tags": ["tcg"]},
        "tag": {"type": "qemu", "tags": ["no-such-tag"]},
        "type": {"type": "no-such-type"},
    }
    devices = {name: {"boot": "qemu", **kind} for name, kind in kinds.items()}
    lab = await labs.start(devices=devices, depth=1)
    assert await lab.slots() == {"plain": 3, "alias": 2, "tag": 0, "type": 0}
    asked = len(fake.requests)
    await lab.submit(labs.job(platform="plain"))
    assert await lab.slots() == {"plain": 2, "alias": 2, "tag": 0, "type": 0}
    assert len(fake.requests) == asked + 1
    monkeypatch.setattr(capacity, "CACHE_S", 0)
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


async def test_a_check_of_a_lava_that_is_down_says_so(
    labs: Labs, fake: FakeLava
) -> None:
    fake.down = True
    [probe] = await (await labs.start()).check()
    assert (probe.is_bad, "connection refused" in probe.message) == (True, True)
    assert "`url`" in probe.advice


async def test_a_server_that_is_no_lava_is_told_from_one(
    labs: Labs, fake: FakeLava
) -> None:
    fake.is_other = True
    lab = await labs.start()
    [probe] = await lab.check()
    assert probe.is_bad
    assert "correct `url`: another server answers there" in probe.message
    with pytest.raises(ChannelDown, match="another server"):
        await lab.slots()


async def test_a_platform_that_the_lab_does_not_have_is_named(
    labs: Labs, fake: FakeLava
) -> None:
    with pytest.raises(NoDevice, match="no riotboard: it has qemu"):
        await (await labs.start()).submit(labs.job(platform="riotboard"))
