# SPDX-License-Identifier: LGPL-2.1-or-later

import pytest
from local_bridge_fakes import FakeMachine, Sessions

from kci_local_bridge import console, session
from kci_local_bridge.console import Stopped
from kci_shared.lab import LabError
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.work import RunOutcome

PANIC = "[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"
BANNER = "Linux version 6.1.0\r\n"


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SHELL_S", 0.05)
    monkeypatch.setattr(session, "INTERRUPT_S", 0.05)
    monkeypatch.setattr(console, "AFTER_PANIC_S", 0.05)


def step(name: str, timeout: float = 5) -> TestStep:
    return TestStep(id=name, run=f"/opt/{name}.sh", timeout=timeout)


def verdicts(outcome: RunOutcome) -> list[tuple[str, str]]:
    return [("/".join(test.path), str(test.result)) for test in outcome.tests]


async def test_a_kernel_that_boots_and_does_all_that_is_asked_passes(
    sessions: Sessions,
) -> None:
    board = FakeMachine()
    board.commands = {
        "uname.sh": lambda: "Linux kci-dut 6.1.0\n0",
        "smoke.sh": lambda: "1..2\nok 1 proc\nok 2 cpufreq # SKIP none\n0",
    }
    outcome = await sessions.on(board).run([step("uname"), step("smoke")])
    assert outcome.result is Result.PASS
    assert set(sessions.progress) == {"testing"}
    assert verdicts(outcome) == [
        ("uname", "pass"),
        ("smoke", "pass"),
        ("smoke/proc", "pass"),
        ("smoke/cpufreq", "skip"),
    ]


async def test_a_job_without_tests_passes_when_the_shell_answers(
    sessions: Sessions,
) -> None:
    assert (await sessions.on(FakeMachine()).run([])).result is Result.PASS


async def test_a_test_fails_by_its_status_and_the_job_with_it(
    sessions: Sessions,
) -> None:
    board = FakeMachine()
    board.commands = {"smoke.sh": lambda: "not ok 1 loop\n1"}
    outcome = await sessions.on(board).run([step("smoke"), step("after")])
    assert (outcome.result, outcome.error_code) == (Result.FAIL, None)
    assert verdicts(outcome)[1:] == [("smoke/loop", "fail"), ("after", "pass")]


async def test_a_silent_console_is_the_labs_fault(sessions: Sessions) -> None:
    with pytest.raises(LabError, match=r"no kernel output .* within 0.05 s"):
        await sessions.on(FakeMachine("SeaBIOS\r\n")).run([])


async def test_a_kernel_that_qemu_refuses_is_the_labs_fault(sessions: Sessions) -> None:
    board = FakeMachine("qemu: linux kernel too old to load a ram disk\r\n")
    board.go_off()
    with pytest.raises(LabError, match="too old to load a ram disk"):
        await sessions.on(board).run([])


async def test_a_panic_at_boot_is_the_kernels_fault(sessions: Sessions) -> None:
    board = FakeMachine(BANNER + PANIC + "Call Trace:\r\n")
    board.go_off()
    outcome = await sessions.on(board).run([step("smoke")])
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert outcome.error_msg == PANIC[PANIC.index("Kernel") :].strip()
    assert verdicts(outcome) == [("smoke", "incomplete")]


async def test_a_kernel_that_never_gets_to_the_login_is_at_fault(
    sessions: Sessions,
) -> None:
    outcome = await sessions.on(FakeMachine(BANNER)).run([])
    assert outcome.result is Result.FAIL
    assert outcome.error_msg == "no login prompt within 0.05 s"


async def test_a_kernel_that_resets_the_machine_is_at_fault(sessions: Sessions) -> None:
    board = FakeMachine(BANNER)
    board.go_off()
    outcome = await sessions.on(board).run([])
    assert (outcome.result, outcome.error_msg) == (Result.FAIL, "the machine went off")


async def test_a_kernel_message_behind_the_login_prompt_does_no_harm(
    sessions: Sessions,
) -> None:
    board = FakeMachine(BANNER + "kci-dut login: [  2.3] random: crng init done\r\n")
    assert (await sessions.on(board).run([])).result is Result.PASS


async def test_a_test_that_hangs_fails_and_the_next_one_still_runs(
    sessions: Sessions,
) -> None:
    board = FakeMachine()
    board.commands = {"hang.sh": lambda: None}
    outcome = await sessions.on(board).run([step("hang", 0.05), step("after")])
    assert verdicts(outcome) == [("hang", "fail"), ("after", "pass")]
    assert outcome.tests[0].error_msg == "over 0.05 s"
    assert "\x03" in board.typed


async def test_subtests_before_a_hang_count(sessions: Sessions) -> None:
    board = FakeMachine()

    def hang() -> None:
        board.say("ok 1 begun\r\nnot ok 2 half\r\n")

    board.commands = {"hang.sh": hang}
    outcome = await sessions.on(board).run([step("hang", 0.05)])
    wanted = [("hang", "fail"), ("hang/begun", "pass"), ("hang/half", "fail")]
    assert verdicts(outcome) == wanted


async def test_nested_results_are_reported_however_long_the_output(
    sessions: Sessions,
) -> None:
    board = FakeMachine()
    output = "KTAP version 1\n1..1\n  KTAP version 1\n  not ok 1 a\n"
    output += "x\n" * 60_000 + "not ok 1 suite\n0"
    board.commands = {"long.sh": lambda: output}
    outcome = await sessions.on(board).run([step("long", 60)])
    assert verdicts(outcome) == [
        ("long", "fail"),
        ("long/suite", "fail"),
        ("long/suite/a", "fail"),
    ]


async def test_a_hang_that_survives_ctrl_c_ends_the_run(sessions: Sessions) -> None:
    board = FakeMachine()
    board.commands = {"hang.sh": lambda: None}
    board.survives_hang = False
    outcome = await sessions.on(board).run([step("hang", 0.05), step("after")])
    assert verdicts(outcome) == [("hang", "fail"), ("after", "incomplete")]
    assert outcome.tests[1].error_msg == "the kernel was lost in hang"


async def test_a_crash_in_a_test_fails_it_and_says_nothing_of_the_rest(
    sessions: Sessions,
) -> None:
    board = FakeMachine()

    def crash() -> None:
        board.say("ok 1 begun\r\n" + PANIC)
        board.go_off()

    board.commands = {"crash.sh": crash}
    outcome = await sessions.on(board).run([step("crash"), step("a"), step("b")])
    assert (outcome.result, outcome.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert verdicts(outcome) == [
        ("crash", "fail"),
        ("crash/begun", "pass"),
        ("a", "incomplete"),
        ("b", "incomplete"),
    ]
    assert "Kernel panic" in (outcome.tests[0].error_msg or "")


async def test_a_machine_that_we_stop_is_nobodys_fault(sessions: Sessions) -> None:
    board = FakeMachine()

    def stop() -> None:
        board.stopped = True
        board.go_off()

    board.commands = {"second.sh": stop}
    run = sessions.on(board)
    with pytest.raises(Stopped):
        await run.run([step("first"), step("second")])
    assert [test.path for test in run.tests] == [("first",)]
