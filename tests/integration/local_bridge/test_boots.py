# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real boots: what is the kernel's fault, what the lab's, what nobody's."""

import asyncio
from pathlib import Path

import pytest

from integration.local_bridge.bench import Bench
from kci_fakes.waiting import until
from kci_shared.models import ErrorCode, Result
from kci_shared.work import RunOutcome

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

CRASH = "echo c >/proc/sysrq-trigger; sleep 10"


def verdicts(outcome: RunOutcome) -> dict[str, str]:
    return {"/".join(test.path): str(test.result) for test in outcome.tests}


async def test_a_kernel_boots_and_its_tests_are_told_apart(bench: Bench) -> None:
    outcome = await bench.run(
        bench.job(
            {"id": "uname", "run": "uname -r"},
            {"id": "smoke", "run": "/opt/kci/smoke.sh"},
            {"id": "false", "run": "printf 'no newline'\nfalse"},
            {"id": "hang", "run": "echo 'ok 1 begun'; sleep 600", "timeout": 2},
            {"id": "reads", "run": "cat"},
            {"id": "exits", "run": "exit 3"},
            {"id": "unbalanced", "run": "echo 'never closed", "timeout": 2},
            {"id": "long", "run": f"true {'x' * 3990}"},
            {"id": "after", "run": "echo $((6 * 7)) | grep 42"},
        )
    )
    found = verdicts(outcome)
    smoke = {name: result for name, result in found.items() if "smoke/" in name}
    assert len(smoke) >= 4
    assert "fail" not in smoke.values()
    assert "skip" in smoke.values()
    assert {name: result for name, result in found.items() if name not in smoke} == {
        "uname": "pass",
        "smoke": "pass",
        "false": "fail",
        "hang": "fail",
        "hang/begun": "pass",
        "reads": "pass",
        "exits": "fail",
        "unbalanced": "fail",
        "long": "pass",
        "after": "pass",
    }
    assert outcome.result is Result.FAIL
    log = outcome.files["log"].read_text()
    assert "Linux version" in log
    assert bench.images.release in log


async def test_a_crash_in_a_test_fails_it_and_leaves_the_rest_open(
    bench: Bench,
) -> None:
    crash, after = {"id": "crash", "run": CRASH}, {"id": "after", "run": "true"}
    outcome = await bench.run(bench.job(crash, after))
    assert verdicts(outcome) == {"crash": "fail", "after": "incomplete"}
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert (outcome.error_msg or "").startswith("Kernel panic - not syncing: sysrq")
    assert "Call Trace:" in outcome.files["log"].read_text()


async def test_a_kernel_without_its_root_panics_and_is_at_fault(bench: Bench) -> None:
    job = bench.job({"id": "after", "run": "true"}, kernel=bench.images.kernel)
    outcome = await bench.run(job)
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert "Unable to mount root fs" in (outcome.error_msg or "")
    assert verdicts(outcome) == {"after": "incomplete"}


async def test_what_is_no_kernel_at_all_is_the_labs_trouble(
    bench: Bench, tmp_path: Path
) -> None:
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"no kernel" * 1000)
    job = bench.job(kernel=kernel, ramdisk=bench.images.ramdisk)
    outcome = await bench.run(job)
    assert outcome.result is Result.INCOMPLETE
    assert outcome.error_code == ErrorCode.INFRASTRUCTURE
    assert "no kernel ran: qemu: linux kernel too old" in (outcome.error_msg or "")


async def test_a_cancelled_job_frees_its_machine_at_once(bench: Bench) -> None:
    job = bench.job()
    handle = await bench.lab.submit(job)
    waiting = asyncio.create_task(bench.lab.wait(job, handle))
    console = job.folder / "console.log"
    await until(lambda: console.exists() and console.stat().st_size > 0)
    await bench.lab.cancel(handle)
    outcome = await asyncio.wait_for(waiting, 30)
    assert outcome.error_code == ErrorCode.CANCELED
    assert await bench.lab.slots() == {"qemu-x86_64": 2}
