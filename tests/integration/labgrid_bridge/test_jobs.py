# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole jobs on a real labgrid: what passes, what fails, and what the lab did."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from integration.labgrid_bridge.bench import Bench
from kci_labgrid_bridge.lab_file import SHIPPED, Device
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.work import RunOutcome

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

UNAME = TestStep(id="uname", run="uname -r")
SMOKE = TestStep(id="smoke", run="/opt/kci/smoke.sh")
HANG = TestStep(id="hang", run="sleep 600", timeout=3)
CRASH = TestStep(id="crash", run="echo c > /proc/sysrq-trigger", timeout=5)
FOREVER = TestStep(id="forever", run="sleep 600", timeout=600)


def verdicts(outcome: RunOutcome) -> dict[str, Result]:
    return {"/".join(test.path): test.result for test in outcome.tests}


async def test_a_good_kernel_passes_its_tests_and_the_board_is_given_back(
    bench: Bench,
) -> None:
    outcome = await bench.run(bench.job(UNAME, SMOKE))
    assert (outcome.result, outcome.error_code) == (Result.PASS, None)
    assert outcome.device == "board-1"
    found = verdicts(outcome)
    assert (
        found["uname"] is found["smoke"] is found["smoke/proc-mounted"] is Result.PASS
    )
    assert found["smoke/cpufreq"] is Result.SKIP
    assert f"Linux version {bench.images.release}" in outcome.files["log"].read_text()
    assert (await bench.places())["board-1"].holder is None
    assert not await bench.is_powered()


async def test_a_kernel_that_panics_fails_by_its_own_fault(bench: Bench) -> None:
    job = dataclasses.replace(bench.job(UNAME), images=bench.kernel_only)
    outcome = await bench.run(job)
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert (outcome.error_msg or "").startswith("Kernel panic - not syncing: VFS")
    assert verdicts(outcome) == {"uname": Result.INCOMPLETE}
    assert "Call Trace" in outcome.files["log"].read_text()


async def test_a_test_that_hangs_fails_and_the_next_one_still_runs(
    bench: Bench,
) -> None:
    outcome = await bench.run(bench.job(HANG, UNAME, platform="qemu-x86_64"))
    assert outcome.result is Result.FAIL
    assert verdicts(outcome) == {"hang": Result.FAIL, "uname": Result.PASS}
    assert outcome.tests[0].error_msg == "over 3 s"


async def test_a_kernel_that_crashes_in_a_test_fails_by_its_own_fault(
    bench: Bench,
) -> None:
    outcome = await bench.run(bench.job(CRASH, UNAME, platform="qemu-x86_64"))
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert outcome.error_msg == "Kernel panic - not syncing: sysrq triggered crash"
    assert verdicts(outcome) == {"crash": Result.FAIL, "uname": Result.INCOMPLETE}


async def test_broken_power_says_nothing_of_the_kernel(bench: Bench) -> None:
    bench.break_board("power-fails")
    outcome = await bench.run(bench.job(UNAME))
    assert outcome.result is Result.INCOMPLETE
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert "power on: HTTPError: 500" in (outcome.error_msg or "")
    assert (await bench.places())["board-1"].holder is None


async def test_a_silent_console_says_nothing_of_the_kernel(
    bench: Bench, tmp_path: Path
) -> None:
    bench.break_board("console-hang")
    text = (SHIPPED / "netboot-x86_64.yaml").read_text()
    impatient = tmp_path / "impatient.yaml"
    impatient.write_text(text.replace("banner_timeout: 60", "banner_timeout: 3"))
    tags = {"device": "netboot-x86_64"}
    bench.lab.devices["netboot-x86_64"] = Device(tags=tags, env=impatient)
    outcome = await bench.run(bench.job(UNAME))
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert "no kernel on the console within 3 s" in (outcome.error_msg or "")
    assert outcome.files == {}


async def test_a_job_over_its_time_is_stopped_and_its_board_powered_off(
    bench: Bench,
) -> None:
    outcome = await bench.run(bench.job(FOREVER, limit=4))
    assert outcome.result is Result.INCOMPLETE
    assert outcome.error_code is ErrorCode.NODE_TIMEOUT
    assert not await bench.is_powered()


async def test_a_board_that_a_person_takes_away_ends_the_job(bench: Bench) -> None:
    running = await bench.run_until(bench.job(FOREVER), "login:")
    await bench.labgrid_client("-p", "board-1", "release", "--kick")
    outcome = await running
    assert outcome.error_code is ErrorCode.INFRASTRUCTURE
    assert outcome.error_msg == "board-1 was taken from us"
    assert await bench.is_powered(), "it is somebody else's now"


async def test_four_jobs_share_two_places(bench: Bench) -> None:
    platforms = ["netboot-x86_64", "qemu-x86_64"] * 2
    jobs = [bench.job(platform=platform) for platform in platforms]
    outcomes = await asyncio.gather(*(bench.run(job) for job in jobs))
    assert [outcome.result for outcome in outcomes] == [Result.PASS] * 4
    assert [outcome.device for outcome in outcomes] == ["board-1", "qemu-1"] * 2
    assert set((await bench.dialect.slots()).values()) == {1}
