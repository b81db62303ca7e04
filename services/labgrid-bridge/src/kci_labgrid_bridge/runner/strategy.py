# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots a board from power-on to a shell; errors name the step that failed.

An error before the kernel's banner is the lab's fault.
"""

import enum
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attr
from labgrid import step, target_factory
from labgrid.strategy import Strategy, StrategyError, never_retry
from pexpect import EOF, TIMEOUT

QUIET_S = 1.0
"""After a panic: how long the console must be silent to be complete."""


class NotBooted(Exception):
    """The boot ended at the step that the message names."""


class Status(enum.Enum):
    """The states of a board."""

    unknown = 0
    off = 1
    booting = 2
    shell = 3


@target_factory.reg_driver
@attr.s(eq=False)
class KciStrategy(Strategy):  # type: ignore[misc]
    """Boots the job's images: off, booting (its banner was seen), shell.

    Args:
        stage: file names that the board fetches, and which image each is
        banner_timeout: seconds from power-on to the kernel's banner

    """

    bindings = {  # noqa: RUF012 - labgrid's interface
        "power": "PowerProtocol",
        "console": "ConsoleProtocol",
        "shell": "ShellDriver",
        "provider": {"TFTPProviderDriver", "HTTPProviderDriver", None},
    }
    stage: dict[str, str] = attr.ib(factory=dict)
    banner_timeout: float = attr.ib(default=60)
    status: Status = attr.ib(default=Status.unknown)

    @never_retry  # type: ignore[untyped-decorator]
    @step(args=["status"])  # type: ignore[untyped-decorator]
    def transition(self, status: Status | str, *, step: Any) -> None:
        """Bring the board to a state, through the states before it."""
        target = status if isinstance(status, Status) else Status[status]
        if target is self.status:
            step.skip("nothing to do")
            return
        match target:
            case Status.off:
                self._power_off()
            case Status.booting:
                self.transition(Status.off)
                self._boot()
            case Status.shell:
                self.transition(Status.booting)
                self._log_in()
            case Status.unknown:
                raise StrategyError(f"cannot reach the state {target.name}")
        self.status = target

    def _power_off(self) -> None:
        self.target.deactivate(self.shell)
        self._do("power off", lambda: self.target.activate(self.power))
        self._do("power off", self.power.off)

    def _boot(self) -> None:
        self._do("stage images", self._stage)
        self._do("open console", lambda: self.target.activate(self.console))
        self._do("power on", self.power.on)
        try:
            self.console.expect(os.environ["LG_BANNER"], timeout=self.banner_timeout)
        except (TIMEOUT, EOF) as error:
            silence = f"no kernel on the console within {self.banner_timeout:g} s"
            raise NotBooted(f"{silence} of power-on") from error

    def _stage(self) -> None:
        """Provide the images under the names that the board fetches."""
        if self.provider is None:
            return
        self.target.activate(self.provider)
        folder = Path("stage")
        folder.mkdir()
        for name, image in self.stage.items():
            file = folder / name
            file.symlink_to(os.environ[f"LG_{image.upper()}"])
            self.provider.stage(str(file))

    def _log_in(self) -> None:
        """Wait for a login prompt, which is left unread for the ShellDriver."""
        ready = f"(?={self.shell.login_prompt}|{self.shell.prompt})"
        limit = self.shell.login_timeout
        try:
            patterns = [ready, os.environ["LG_PANIC"]]
            match, *_ = self.console.expect(patterns, timeout=limit)
        except (TIMEOUT, EOF) as error:
            raise NotBooted(f"no login within {limit} s of the banner") from error
        if match == 1:
            with suppress(EOF, OSError):
                self.console.settle(QUIET_S, timeout=5 * QUIET_S)
            raise NotBooted("the kernel panicked")
        self._do("log in", lambda: self.target.activate(self.shell))

    @staticmethod
    def _do(what: str, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:
            raise NotBooted(f"{what}: {type(error).__name__}: {error}") from error
