# SPDX-License-Identifier: LGPL-2.1-or-later
"""What real LAVAs sent, and what the tree shall be; skipped without the recordings."""

import gzip
import json
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from lava_bridge_fakes import a_run

from kci_lava_bridge.translate import translate
from kci_shared.work import RunOutcome

DATA = Path(__file__).parents[4] / "shared" / "data"
CAPTURES = DATA / "lava-captures"
CALLBACKS = DATA / "lava-callbacks"
VERSIONS = ["2023.01", "2026.07"]

pytestmark = pytest.mark.skipif(
    not CAPTURES.exists(), reason="../shared/data/lava-captures is not here"
)

ENDS = {
    "two-suites": ("fail", None, ""),
    "duplicate-cases": ("fail", None, ""),
    "monitors": ("pass", None, ""),
    "binary-output": ("pass", None, ""),
    "many-cases": ("pass", None, ""),
    "big-log": ("pass", None, ""),
    "no-test": ("pass", None, ""),
    "notify-all": ("pass", None, ""),
    "uboot-tftp": ("fail", None, ""),
    "grub-tftp": ("fail", None, ""),
    "boot-hang": ("fail", "Test", "login-action timed out after"),
    "boot-hang-retry": ("fail", "Test", "1 retries out of 2 failed"),
    "job-timeout-boot": ("fail", "Test", "login-action timed out"),
    "no-overlay-prompt-fail": ("fail", "Test", "login-action timed out"),
    "kernel-panic": ("fail", "Test", "Kernel panic - not syncing: sysrq"),
    "kernel-panic-halt": ("fail", "Test", "Kernel panic - not syncing: sysrq"),
    "kernel-panic-noreboot": ("fail", "Test", "Kernel panic - not syncing: sysrq"),
    "test-crash-kernel": ("fail", "Test", "Kernel panic - not syncing: sysrq"),
    "test-crash-noreboot": ("fail", "Test", "Kernel panic - not syncing: sysrq"),
    "test-timeout": ("incomplete", "Test", "lava-test-shell timed out"),
    "job-timeout": ("incomplete", "Test", "lava-test-shell timed out"),
    "test-raise": ("incomplete", "Test", "hardware missing"),
    "dut-poweroff": ("incomplete", "Infrastructure", "Connection closed"),
    "kill-qemu": ("incomplete", "Infrastructure", "Connection closed"),
    "download-404": ("incomplete", "Job", "Resource unavailable"),
    "bad-checksum": ("incomplete", "Job", "does not match"),
    "download-refused": ("incomplete", "Infrastructure", "timed out after 300"),
    "download-timeout": ("incomplete", "Infrastructure", "http-download timed out"),
    "missing-arch": ("incomplete", "invalid_job_params", "Missing 'arch'"),
    "bad-boot-method": ("incomplete", "invalid_job_params", "boot strategies"),
    "bad-arch": ("incomplete", "Bug", "qemu-system-riscv64"),
    "overlay-without-test": ("incomplete", "Bug", "nothing to open"),
    "dead-board": ("incomplete", "Infrastructure", "bootloader-interrupt timed out"),
    "ipxe-tftp": ("incomplete", "Infrastructure", "tftpd"),
    "fastboot": ("incomplete", "Infrastructure", "telnet"),
    "kvm-timing": ("incomplete", "Infrastructure", "no kernel on the console"),
    "kill-lava-run": ("incomplete", "Infrastructure", "without a verdict"),
    "worker-gone": ("incomplete", "Canceled", ""),
    "cancel-running": ("incomplete", "Canceled", ""),
    "cancel-queued": ("incomplete", "Canceled", ""),
    "queue-timeout": ("incomplete", "Canceled", ""),
}
AGAIN = {"no-test", "uboot-tftp", "grub-tftp", "notify-all"}
"""Recorded more than once, and the lab was not ready the first time."""
HEALTHS = {2: "Complete", 3: "Incomplete", 4: "Canceled"}


def read(path: Path) -> bytes:
    if not path.exists():
        return b""
    return (
        gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
    )


def end(outcome: RunOutcome) -> tuple[str, str | None]:
    return (outcome.result, outcome.error_code)


def recorded() -> list[ParameterSet]:
    return [
        pytest.param(version, name, id=f"{version}/{name}")
        for version in VERSIONS
        for name in ENDS
        if (CAPTURES / version / "jobs" / name / "rest_job.json").exists()
    ]


@pytest.mark.parametrize(("version", "name"), recorded())
def test_a_job_as_rest_tells_it_ends_as_it_should(version: str, name: str) -> None:
    folder = CAPTURES / version / "jobs" / name
    health = json.loads(read(folder / "rest_job.json"))["health"]
    if health == "Unknown":
        pytest.skip("recorded while it ran")
    log, results = (
        read(folder / "rest_logs.yaml.gz"),
        read(folder / "rest_results.yaml"),
    )
    outcome = translate([], a_run(health, [results], log))
    result, code, said = ENDS[name]
    assert end(outcome) == (result, code)
    assert said in (outcome.error_msg or "")


def bodies() -> list[Path]:
    found = [
        path
        for version in VERSIONS
        for path in sorted((CAPTURES / version / "callbacks").glob("*.body*"))
        if read(path).startswith(b"{")
    ]
    small = [path for path in found if path.suffix != ".gz"]
    return [*small, *sorted(CALLBACKS.glob("*.json"))]


@pytest.mark.parametrize("path", bodies(), ids=lambda path: path.name)
def test_every_recorded_call_can_be_translated(path: Path) -> None:
    body = json.loads(read(path))
    if body["status"] not in HEALTHS:
        return  # running
    results = list((body.get("results") or {}).values())
    log = (body.get("log") or "").encode()
    outcome = translate([], a_run(HEALTHS[body["status"]], results, log))
    name = path.name.partition("_cb_")[2].partition(".")[0]
    if body["status"] == 2:
        assert outcome.error_code is None
    elif name in set(ENDS) - AGAIN and "results" in body and "log" in body:
        assert end(outcome)[0] == ENDS[name][0]


def translated(name: str, version: str = "2023.01") -> RunOutcome:
    folder = CAPTURES / version / "jobs" / name
    health = json.loads(read(folder / "rest_job.json"))["health"]
    results = read(folder / "rest_results.yaml")
    run = a_run(health, [results], read(folder / "rest_logs.yaml.gz"))
    return translate([], run)


def test_suites_sets_measurements_and_log_lines_are_kept() -> None:
    outcome = translated("two-suites")
    tests = {"/".join(test.path): test for test in outcome.tests}
    assert {path: test.result.value for path, test in tests.items()} == {
        "smoke/uname": "pass",
        "smoke/always-fails": "fail",
        "smoke/skipped": "skip",
        "smoke/unknown-one": "incomplete",
        "smoke/meminfo": "pass",
        "smoke/set-a/in-set": "pass",
        "smoke/set-a/in-set-fail": "fail",
        "smoke/name.with_odd-chars": "pass",
        "second/only": "pass",
        "third/only": "pass",
    }
    misc = tests["smoke/meminfo"].data["misc"]
    assert misc["measurement"] == {"value": 250.5, "unit": "MB"}
    assert len(tests["smoke/uname"].data["misc"]["log_lines"]) == 2
    lava = outcome.data["misc"]["lava"]
    assert lava["seconds"]["login-action"] > 0


def test_a_case_that_comes_again_is_kept_each_time() -> None:
    dups = [
        t.result.value
        for t in translated("duplicate-cases").tests
        if t.path == ("smoke", "dup")
    ]
    assert sorted(dups) == ["fail", "pass", "pass"]


def test_a_monitor_has_its_own_name() -> None:
    assert {test.path[0] for test in translated("monitors").tests} == {"mon"}


def test_a_crash_keeps_the_cases_that_were_reported_before_it() -> None:
    tests = translated("test-crash-kernel").tests
    assert [test.result.value for test in tests] == ["pass"]


def test_a_panic_at_the_end_of_a_boot_is_the_kernels() -> None:
    body = json.loads(read(CALLBACKS / "unhandled_fault-login-status.json"))
    log = body["log"].encode()
    outcome = translate([], a_run("Incomplete", list(body["results"].values()), log))
    assert end(outcome) == ("fail", "Test")
    assert (outcome.error_msg or "").startswith("Kernel panic - not syncing: Attempted")
