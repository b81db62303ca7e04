# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run on a machine: boot, log in, run the tests one after the other."""

import re
import secrets
from collections.abc import Callable

from kci_local_bridge.console import Console
from kci_local_bridge.rules import (
    LOGIN,
    PROMPT,
    SET_UP,
    end_of,
    isolated,
    typed,
)
from kci_local_bridge.settings import Settings
from kci_local_bridge.verdicts import KernelFault, PoweredOff, failed, not_run
from kci_shared.lab import LabError
from kci_shared.lab.console import BANNER, judge_results
from kci_shared.models import ErrorCode, Progress, Result, TestStep
from kci_shared.rules.verdicts import overall
from kci_shared.text import plain
from kci_shared.work import RunOutcome, TestOutcome

SHELL_S = 30.0
"""From the login to a shell that answers."""
INTERRUPTS = 4
"""How often Ctrl-C is sent: on a slow machine, what is typed after it may get lost."""
INTERRUPT_S = 5.0
"""How long a command may take to end after each Ctrl-C."""
CTRL_C = "\x03"


class Session:
    """A run on a machine that was just powered on."""

    def __init__(
        self, console: Console, settings: Settings, progress: Callable[[Progress], None]
    ) -> None:
        self._console = console
        self._settings = settings
        self._progress = progress
        self.tests: list[TestOutcome] = []
        """Results so far; they count even if the run is stopped."""

    async def run(self, steps: list[TestStep]) -> RunOutcome:
        """Boot and run the tests; raises `LabError` if no kernel started."""
        await self._power_on()
        remaining, when = list(steps), "as it booted"
        try:
            await self._log_in()
            while remaining:
                self._progress(Progress.TESTING)
                step = remaining.pop(0)
                when = f"in {step.id}"
                await self._test(step)
        except KernelFault as fault:
            self.tests += not_run(remaining, f"the kernel was lost {when}")
            return self._outcome(Result.FAIL, ErrorCode.TEST, str(fault))
        return self._outcome(overall(test.result for test in self.tests))

    def _outcome(
        self, result: Result, code: ErrorCode | None = None, message: str | None = None
    ) -> RunOutcome:
        return RunOutcome(result, code, message, tests=self.tests)

    async def _power_on(self) -> None:
        """Wait for the kernel's banner; an error before it is the lab's fault."""
        limit = self._settings.banner_timeout
        try:
            await self._console.until(re.compile(BANNER), limit)
        except TimeoutError:
            raise LabError(
                f"no kernel output on the console within {limit:g} s of power-on"
            ) from None
        except PoweredOff as ended:
            raise LabError(f"no kernel ran: {self._last_line() or ended}") from None

    def _last_line(self) -> str:
        return plain(self._console.last_line).strip()

    async def _log_in(self) -> None:
        limit = self._settings.login_timeout
        await self._expect(LOGIN, limit, "no login prompt within {:g} s")
        await self._console.type("root\n")
        await self._expect(PROMPT, SHELL_S, "no shell within {:g} s of the login")
        mark = _new_mark()
        await self._console.type(typed(SET_UP, mark))
        complaint = "the shell did not answer in {:g} s"
        await self._expect(end_of(mark), SHELL_S, complaint)

    async def _expect(
        self, pattern: re.Pattern[str], seconds: float, complaint: str
    ) -> None:
        try:
            await self._console.until(pattern, seconds)
        except TimeoutError:
            raise KernelFault(complaint.format(seconds)) from None

    async def _test(self, step: TestStep) -> None:
        """Run one test; its outcome is in `tests` afterwards, whatever happens."""
        mark = _new_mark()
        await self._console.type(typed(isolated(step.run), mark))
        try:
            match = await self._console.until(end_of(mark), step.timeout)
        except TimeoutError:
            self._fail(step, f"over {step.timeout:g} s")
            await self._interrupt()
        except KernelFault as fault:
            self._fail(step, str(fault))
            raise
        else:
            results = self._console.results
            results.read(match[1])
            self.tests += judge_results(step.id, int(match[2]), results)

    def _fail(self, step: TestStep, reason: str) -> None:
        self.tests += failed(step.id, reason, self._console.results)

    async def _interrupt(self) -> None:
        for _ in range(INTERRUPTS):
            mark = _new_mark()
            await self._console.type(CTRL_C)
            await self._console.type(typed(":", mark))
            try:
                await self._console.until(end_of(mark), INTERRUPT_S)
            except TimeoutError:
                continue
            return
        seconds = INTERRUPTS * INTERRUPT_S
        raise KernelFault(f"the shell did not answer in {seconds:g} s")


def _new_mark() -> str:
    return f"kci{secrets.token_hex(4)}"
