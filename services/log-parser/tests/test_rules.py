# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from log_parser_fakes import a_job

from kci_log_parser.boot import Boot, Phase
from kci_log_parser.rules import Correction, LogFacts, correction, waits_for_log
from kci_shared.models import ErrorCode, Finding, Result


def found(severity: str, line: int = 10) -> Finding:
    return Finding(
        kind="any", severity=severity, headline="BUG", line=line, signature="1-0"
    )


FAULT = LogFacts([found("warning"), found("fault")], banner=1)
WARNING = LogFacts([found("warning")], banner=1)
FAIL = Correction(Result.FAIL, ErrorCode.TEST, "BUG")
RESULTS = [None, *Result]
CODES = [None, *ErrorCode]


def test_a_fault_fails_a_job_that_passed() -> None:
    assert correction(a_job(result="pass"), FAULT) == FAIL


def test_a_fault_after_the_banner_is_the_kernels_and_not_the_labs() -> None:
    node = a_job(result="incomplete", data={"error_code": "Infrastructure"})
    assert correction(node, FAULT) == FAIL


@pytest.mark.parametrize("banner", [None, 11])
def test_a_fault_before_the_banner_stays_the_labs(banner: int | None) -> None:
    node = a_job(result="incomplete", data={"error_code": "Infrastructure"})
    assert correction(node, LogFacts([found("fault")], banner=banner)) is None


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("result", RESULTS)
def test_a_warning_changes_no_verdict(
    result: Result | None, code: ErrorCode | None
) -> None:
    assert correction(a_job(result=result, data={"error_code": code}), WARNING) is None


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("result", RESULTS)
def test_every_other_verdict_stays(
    result: Result | None, code: ErrorCode | None
) -> None:
    if result is Result.PASS or (result, code) == ("incomplete", "Infrastructure"):
        return
    assert correction(a_job(result=result, data={"error_code": code}), FAULT) is None


def test_a_log_corrects_no_build() -> None:
    assert correction(a_job(kind="kbuild"), FAULT) is None


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({}, True),
        ({"kind": "kbuild", "artifacts": {"build_log": "http://s/l"}}, True),
        ({"kind": "test"}, False),
        ({"state": "running"}, False),
        ({"artifacts": {}}, False),
        ({"data": {"findings": []}}, False),
    ],
)
def test_a_log_is_read_once_and_when_the_node_is_done(
    fields: dict[str, object], waits: bool
) -> None:
    assert waits_for_log(a_job(**fields)) is waits


def test_what_a_compiler_says_in_a_job_is_no_fault_of_the_kernel() -> None:
    error = found("fault").model_copy(update={"kind": "compiler"})
    assert correction(a_job(result="pass"), LogFacts([error], banner=1)) is None


BOOTS = {"definition": {"artifacts": {"kernel": "http://s/bzImage"}}}
INFRASTRUCTURE = (Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE)


@pytest.mark.parametrize(
    ("phase", "data", "becomes"),
    [
        (Phase.BOOTLOADER, {}, INFRASTRUCTURE),
        (Phase.SILENT, BOOTS, INFRASTRUCTURE),
        (Phase.SILENT, {}, None),
        (Phase.UNKNOWN, BOOTS, None),
        (Phase.HANDOVER, {}, (Result.FAIL, ErrorCode.TEST)),
        (Phase.HANDOVER, {"error_msg": "no prompt"}, None),
        (Phase.KERNEL, BOOTS, None),
        (Phase.LOGIN, BOOTS, None),
    ],
)
def test_silence_before_the_kernel_is_infrastructure(
    phase: Phase,
    data: dict[str, object],
    becomes: tuple[Result, ErrorCode] | None,
) -> None:
    facts = LogFacts([], boot=Boot(phase=phase))
    verdict = correction(a_job(result="fail", data=data), facts)
    assert (verdict and (verdict.result, verdict.error_code)) == becomes


def test_a_board_that_ended_in_its_boot_loader_had_a_kernel_before() -> None:
    facts = LogFacts([], boot=Boot(phase=Phase.BOOTLOADER, boots=1))
    assert correction(a_job(result="fail"), facts) is None


def test_a_log_that_could_not_be_read_is_no_silence() -> None:
    facts = LogFacts([], error="404")
    assert correction(a_job(result="fail", data=BOOTS), facts) is None
