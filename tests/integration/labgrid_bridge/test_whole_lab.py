# SPDX-License-Identifier: LGPL-2.1-or-later
"""What takes minutes on a real labgrid: `make labgrid-lab`."""

import asyncio
import dataclasses
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from integration.labgrid_bridge.bench import Bench
from kci_labgrid_bridge.booking import booked
from kci_labgrid_bridge.lab_file import Device
from kci_labgrid_bridge.resting import Resting
from kci_local.processes import Processes
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.work import RunOutcome

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        "KCI_TEST_LABGRID" not in os.environ, reason="minutes: run make labgrid-lab"
    ),
]

QEMU, NETBOOT = "qemu-x86_64", "netboot-x86_64"
UNAME = TestStep(id="uname", run="uname -r")
HUNG_SECONDS = 60.0
"""labgrid's keepalive takes 10 s; the machine may be busy."""


def verdicts(outcome: RunOutcome) -> dict[str, Result]:
    return {"/".join(test.path): test.result for test in outcome.tests}


async def test_what_fails_in_a_test_fails_and_what_is_skipped_does_not(
    bench: Bench,
) -> None:
    tap = "printf 'ok 1 good\\nnot ok 2 bad\\nok 3 none # SKIP no device\\n'"
    tests = [
        TestStep(id="status", run="exit 3"),
        TestStep(id="tap", run=tap),
        TestStep(id="ktap", run="printf 'KTAP version 1\\n1..1\\nnot ok 1 k\\n'"),
        UNAME,
    ]
    outcome = await bench.run(bench.job(*tests, platform=QEMU))
    assert outcome.result is Result.FAIL
    assert verdicts(outcome) == {
        "status": Result.FAIL,
        "tap": Result.FAIL,
        "tap/good": Result.PASS,
        "tap/bad": Result.FAIL,
        "tap/none": Result.SKIP,
        "ktap": Result.FAIL,
        "ktap/k": Result.FAIL,
        "uname": Result.PASS,
    }


async def test_a_file_that_is_no_kernel_says_nothing_of_the_kernel(
    bench: Bench, tmp_path: Path
) -> None:
    broken = tmp_path / "vmlinuz"
    broken.write_bytes(b"no kernel" * 1000)
    job = bench.job(UNAME, platform=QEMU)
    job = dataclasses.replace(job, images={**job.images, "kernel": broken})
    outcome = await bench.run(job)
    assert outcome.result is Result.INCOMPLETE
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert (await bench.places())["qemu-1"].holder is None


async def test_a_runner_that_cannot_start_is_a_bug_not_a_fault_of_the_kernel(
    bench: Bench, tmp_path: Path
) -> None:
    env = tmp_path / "env.yaml"
    env.write_text(
        "targets: {main: {resources: {}, drivers: {}}}\nimports: [gone.py]\n"
    )
    bench.lab.devices[QEMU] = Device(tags={"device": QEMU}, env=env)
    outcome = await bench.run(bench.job(UNAME, platform=QEMU))
    assert (outcome.result, outcome.error_code) == (Result.INCOMPLETE, ErrorCode.BUG)
    assert "gone.py" in (outcome.error_msg or "")
    assert (await bench.places())["qemu-1"].holder is None


async def test_a_job_outlives_its_boards_exporter(bench: Bench) -> None:
    waits = TestStep(id="waits", run="sleep 8", timeout=120)
    running = await bench.run_until(bench.job(waits, UNAME), "sleep 8")
    await Processes(bench.site.state).kill("exporter")
    outcome = await running
    assert (await bench.dialect.slots())[NETBOOT] == 0, "its resources are gone"
    await bench.restart_lab()
    assert outcome.result is Result.PASS, outcome.error_msg
    assert (await bench.places())["board-1"].holder is None


async def test_a_coordinator_that_hangs_is_given_up(bench: Bench) -> None:
    coordinator = Processes(bench.site.state).pid("coordinator")
    assert coordinator is not None
    address = bench.site.address("coordinator")
    tags, turn = {"device": QEMU}, asyncio.Lock()
    async with booked(address, "lab-test/hung", tags, Resting(), turn) as booking:
        os.kill(coordinator, signal.SIGSTOP)
        try:
            async with asyncio.timeout(HUNG_SECONDS):
                assert "coordinator went away" in await booking.lost()
        finally:
            os.kill(coordinator, signal.SIGCONT)


async def test_twenty_jobs_on_two_places_run_one_after_the_other(bench: Bench) -> None:
    jobs = [bench.job(UNAME, platform=name) for name in [NETBOOT, QEMU] * 10]
    outcomes = await asyncio.gather(*(bench.run(job) for job in jobs))
    assert Counter(str(one.result) for one in outcomes) == {"pass": 20}
    assert Counter(one.device for one in outcomes) == {"board-1": 10, "qemu-1": 10}
    assert set((await bench.dialect.slots()).values()) == {1}
    assert not await bench.is_powered()
