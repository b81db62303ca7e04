# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run on a machine: boot, log in, run the tests one after the other."""

import re
import secrets
from collections.abc import Callable

from kci_local_bridge.console import Console, Ended, KernelFault
from kci_local_bridge.rules import (
    LOGIN,
    PROMPT,
    SET_UP,
    apart,
    end_of,
    failed,
    not_run,
    typed,
)
from kci_local_bridge.settings import Settings
from kci_shared.lab import LabError
from kci_shared.lab.console import BANNER, judge
from kci_shared.models import ErrorCode, Progress, Result, TestStep
from kci_shared.rules.verdicts import overall
from kci_shared.text import plain
from kci_shared.work import RunOutcome, TestOutcome

SHELL_SECONDS = 30.0
"""From the login to a shell that listens."""
INTERRUPTS = 4
INTERRUPT_SECONDS = 5.0
"""How often a test that hangs gets Ctrl-C, and how long to end after each.

What is typed right behind it may be thrown away with it, if the machine is slow.
"""
CTRL_C = "\x03"


class Session:
    """A run on a machine that was just switched on."""

    def __init__(
        self, console: Console, settings: Settings, tell: Callable[[Progress], None]
    ) -> None:
        self._console = console
        self._settings = settings
        self._tell = tell
        self.tests: list[TestOutcome] = []
        """What is known already: it counts even when the run is stopped."""

    async def run(self, steps: list[TestStep]) -> RunOutcome:
        """Boot and run the tests; raises `LabError` when no kernel ever ran."""
        await self._power_on()
        left, doing = list(steps), "as it booted"
        try:
            await self._log_in()
            while left:
                self._tell(Progress.TESTING)
                step = left.pop(0)
                doing = f"in {step.id}"
                await self._test(step)
        except KernelFault as fault:
            self.tests += not_run(left, f"the kernel was lost {doing}")
            return self._outcome(Result.FAIL, ErrorCode.TEST, str(fault))
        return self._outcome(overall(test.result for test in self.tests))

    def _outcome(
        self, result: Result, code: ErrorCode | None = None, message: str | None = None
    ) -> RunOutcome:
        return RunOutcome(result, code, message, tests=self.tests)

    async def _power_on(self) -> None:
        """Wait for the kernel's banner: up to there, all trouble is the lab's."""
        limit = self._settings.banner_timeout
        try:
            await self._console.until(re.compile(BANNER), limit)
        except TimeoutError:
            raise LabError(
                f"no kernel output on the console within {limit:g} s of power-on"
            ) from None
        except Ended as ended:
            raise LabError(f"no kernel ran: {self._last_line() or ended}") from None

    def _last_line(self) -> str:
        return plain(self._console.lines[-1]).strip() if self._console.lines else ""

    async def _log_in(self) -> None:
        limit = self._settings.login_timeout
        await self._expect(LOGIN, limit, "no login prompt within {:g} s")
        await self._console.type("root\n")
        await self._expect(PROMPT, SHELL_SECONDS, "no shell within {:g} s of the login")
        mark = _new_mark()
        await self._console.type(typed(SET_UP, mark))
        complaint = "the shell did not answer in {:g} s"
        await self._expect(end_of(mark), SHELL_SECONDS, complaint)

    async def _expect(
        self, wanted: re.Pattern[str], seconds: float, complaint: str
    ) -> None:
        try:
            await self._console.until(wanted, seconds)
        except TimeoutError:
            raise KernelFault(complaint.format(seconds)) from None

    async def _test(self, step: TestStep) -> None:
        """Run one test; whatever happens, its verdict is known afterwards."""
        mark = _new_mark()
        await self._console.type(typed(apart(step.run), mark))
        try:
            match = await self._console.until(end_of(mark), step.timeout)
        except TimeoutError:
            self._fail(step, f"over {step.timeout:g} s")
            await self._interrupt()
        except KernelFault as fault:
            self._fail(step, str(fault))
            raise
        else:
            said = [*self._console.lines, match[1]]
            self.tests += judge(step.id, int(match[2]), said)

    def _fail(self, step: TestStep, reason: str) -> None:
        self.tests += failed(step.id, reason, list(self._console.lines))

    async def _interrupt(self) -> None:
        for _ in range(INTERRUPTS):
            mark = _new_mark()
            await self._console.type(CTRL_C)
            await self._console.type(typed(":", mark))
            try:
                await self._console.until(end_of(mark), INTERRUPT_SECONDS)
            except TimeoutError:
                continue
            return
        seconds = INTERRUPTS * INTERRUPT_SECONDS
        raise KernelFault(f"the shell did not answer in {seconds:g} s")


def _new_mark() -> str:
    return f"kci{secrets.token_hex(4)}"
