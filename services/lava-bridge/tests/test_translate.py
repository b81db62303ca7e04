# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of our own tests when a run ends before its time."""

from collections import deque

from kci_lava_bridge.answers import Health
from kci_lava_bridge.log import Excerpt, LogFacts
from kci_lava_bridge.results import OWN_SUITE, Case
from kci_lava_bridge.translate import JobResults, translate
from kci_shared.models import ErrorCode, Result, TestStep

STEPS = [TestStep(id=name, run=f"./{name}", timeout=60) for name in ("one", "two")]
LOGIN = Case(1, OWN_SUITE, "login-action", Result.PASS)


def test_a_panic_after_the_login_fails_the_test_that_was_running() -> None:
    facts = LogFacts(panic="Kernel panic - not syncing: oops", spoke=True)
    outcome = translate(STEPS, JobResults(1, Health.INCOMPLETE, [LOGIN], facts))
    running, later = outcome.tests
    assert (running.result, running.error_code) == (Result.FAIL, ErrorCode.TEST)
    assert "Kernel panic" in str(running.error_msg)
    assert later.result is Result.INCOMPLETE
    assert str(later.error_msg).startswith("not run: ")
    assert outcome.result is Result.FAIL


def test_a_command_that_exceeds_its_time_limit_fails_by_that() -> None:
    case = Case(7, "0_kci", "one", Result.FAIL)
    end = deque(["kci: over 60 s"])
    facts = LogFacts(spoke=True, excerpts={7: Excerpt(case, end=end)})
    outcome = translate(STEPS[:1], JobResults(1, Health.COMPLETE, [case], facts))
    [test] = outcome.tests
    assert (test.result, test.error_msg) == (Result.FAIL, "over 60 s")
    assert test.error_code is ErrorCode.TEST
