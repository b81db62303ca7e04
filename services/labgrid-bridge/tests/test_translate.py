# SPDX-License-Identifier: LGPL-2.1-or-later
from kci_labgrid_bridge.report import Line, Remains, read_report
from kci_labgrid_bridge.translate import translate
from kci_shared.lab.faults import Fault, lab_fault
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.work import RunOutcome, TestOutcome

BANNER = "[    0.000000] Linux version 6.1.0-56-cloud-amd64\r\n"
PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs"
BOOTED = Line(test=None)
UNAME = TestStep(id="uname", run="uname -a")
SMOKE = TestStep(id="smoke", run="/opt/kci/smoke.sh")


def outcome(
    *lines: Line, console: str = BANNER, fault: Fault | None = None
) -> RunOutcome:
    remains = Remains(list(lines), console, fault, "ImportError: no module")
    return translate([UNAME, SMOKE], remains)


def passed(test: str, *output: str) -> Line:
    return Line(test=test, status=0, output=list(output))


def verdicts(found: RunOutcome) -> dict[str, Result]:
    return {"/".join(test.path): test.result for test in found.tests}


def test_a_job_whose_tests_pass_passes_with_their_subtests() -> None:
    found = outcome(BOOTED, passed("uname", "Linux"), passed("smoke", "ok 1 proc"))
    assert found == RunOutcome(
        Result.PASS,
        tests=[
            TestOutcome(("uname",), Result.PASS),
            TestOutcome(("smoke",), Result.PASS),
            TestOutcome(("smoke", "proc"), Result.PASS),
        ],
    )


def test_a_job_without_tests_passes_when_the_board_booted() -> None:
    assert translate([], Remains([BOOTED], BANNER)) == RunOutcome(Result.PASS)


def test_a_command_that_fails_fails_the_job() -> None:
    found = outcome(BOOTED, Line(test="uname", status=1), passed("smoke"))
    assert found.result is Result.FAIL
    assert found.error_code is None
    assert verdicts(found) == {"uname": Result.FAIL, "smoke": Result.PASS}


def test_a_panic_while_booting_is_the_kernels_fault() -> None:
    silence = Line(test=None, error="no login", is_silence=True)
    found = outcome(silence, console=f"{BANNER}[ 3.1] {PANIC}\r\n")
    assert found.result is Result.FAIL
    assert (found.error_code, found.error_msg) == (ErrorCode.TEST, PANIC)
    assert set(verdicts(found).values()) == {Result.INCOMPLETE}


def test_a_kernel_that_never_comes_to_a_login_is_at_fault() -> None:
    found = outcome(Line(test=None, error="no login within 120 s", is_silence=True))
    assert found.result is Result.FAIL
    assert found.error_msg == "no login within 120 s"


def test_a_silent_console_is_the_labs_fault() -> None:
    silence = Line(test=None, error="no kernel on the console", is_silence=True)
    found = outcome(silence, console="")
    assert found == RunOutcome(
        Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, "no kernel on the console"
    )


def test_trouble_with_the_power_is_the_labs_fault() -> None:
    found = outcome(Line(test=None, error="power off: HTTPError: 500"), console="")
    assert (found.result, found.error_code) == (
        Result.INCOMPLETE,
        ErrorCode.INFRASTRUCTURE,
    )


def test_a_password_in_the_address_of_a_relay_is_not_told() -> None:
    error = "power off: HTTPError: 500 for url: http://admin:secret@10.0.0.7/relay/3"
    found = outcome(Line(test=None, error=error), console="")
    assert "secret" not in (found.error_msg or "")
    assert "http://10.0.0.7/relay/3" in (found.error_msg or "")


def test_a_console_that_breaks_after_the_banner_is_the_labs_fault() -> None:
    found = outcome(Line(test=None, error="SerialException: disconnected"))
    assert found.error_code is ErrorCode.INFRASTRUCTURE


def test_a_test_that_hangs_fails_and_the_next_one_counts() -> None:
    hung = Line(test="uname", error="over 3 s", is_silence=True)
    found = outcome(BOOTED, hung, passed("smoke"))
    assert found.result is Result.FAIL
    assert found.tests[0] == TestOutcome(
        ("uname",), Result.FAIL, "over 3 s", ErrorCode.TEST
    )
    assert verdicts(found)["smoke"] is Result.PASS


def test_tests_after_a_crash_are_incomplete_never_skipped() -> None:
    crash = Line(test="uname", error="over 60 s", is_silence=True)
    found = outcome(BOOTED, crash, console=f"{BANNER}{PANIC}\r\n")
    assert (found.result, found.error_msg) == (Result.FAIL, PANIC)
    assert verdicts(found) == {"uname": Result.FAIL, "smoke": Result.INCOMPLETE}


def test_a_console_lost_in_a_test_says_nothing_of_the_kernel() -> None:
    found = outcome(BOOTED, Line(test="uname", error="SerialException: gone"))
    assert (found.result, found.error_code, found.error_msg) == (
        Result.INCOMPLETE,
        ErrorCode.INFRASTRUCTURE,
        "SerialException: gone",
    )


def test_a_test_that_failed_outranks_a_console_lost_later() -> None:
    lost = Line(test="smoke", error="SerialException: gone")
    found = outcome(BOOTED, Line(test="uname", status=1), lost)
    assert (found.result, found.error_code) == (Result.FAIL, None)


def test_a_runner_that_died_at_its_start_is_a_bug() -> None:
    found = outcome(console="")
    assert found.error_code is ErrorCode.BUG
    assert "ImportError" in (found.error_msg or "")


def test_a_runner_that_died_between_two_tests_is_a_bug() -> None:
    found = outcome(BOOTED, passed("uname"))
    assert (found.result, found.error_code) == (Result.INCOMPLETE, ErrorCode.BUG)


def test_a_job_that_was_stopped_keeps_the_tests_that_ended() -> None:
    fault = lab_fault("over 600 s", ErrorCode.NODE_TIMEOUT)
    found = outcome(BOOTED, passed("uname"), fault=fault)
    assert (found.result, found.error_code) == (
        Result.INCOMPLETE,
        ErrorCode.NODE_TIMEOUT,
    )
    assert verdicts(found) == {"uname": Result.PASS, "smoke": Result.INCOMPLETE}


def test_a_job_that_was_stopped_before_it_booted_has_no_tests() -> None:
    fault = lab_fault("stopped", ErrorCode.CANCELED)
    assert outcome(fault=fault) == RunOutcome(
        Result.INCOMPLETE, ErrorCode.CANCELED, "stopped"
    )


def test_a_line_that_was_cut_short_is_left_out() -> None:
    text = '{"test": null}\n{"test": "uname", "status": 0}\n{"test": "smo'
    assert read_report(text) == [BOOTED, passed("uname")]
