# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job as pytest tests: the boot, then each command of the job."""

from typing import Any

from labgrid.driver import ShellDriver
from labgrid.strategy import Strategy
from pexpect import EOF, TIMEOUT

from kci_labgrid_bridge.runner.plugin import Journal

PROMPT_S = 20
"""How long a board may take to show its prompt after Ctrl-C."""


class Overtime(Exception):
    """A command did not end in time."""


def test_boot(shell: ShellDriver, journal: Journal) -> None:
    """The board booted to a shell."""
    journal.write(None)


def test_command(
    command: dict[str, Any], shell: ShellDriver, strategy: Strategy, journal: Journal
) -> None:
    """A command ended; the bridge decides whether it passed."""
    limit = command["timeout"]
    try:
        output, _, status = shell.run(
            command["run"], timeout=limit, decodeerrors="replace"
        )
    except TIMEOUT as error:
        if not _interrupt(shell):
            strategy.broken = error  # the remaining commands are skipped
        raise Overtime(f"over {limit:g} s") from error
    except Exception as error:
        strategy.broken = error
        raise
    journal.write(command["id"], status=status, output=output)


def _interrupt(shell: ShellDriver) -> bool:
    """Interrupt the command; return whether the shell answers again.

    Otherwise each further command would wait 30 s for its prompt.
    """
    try:
        shell.console.sendcontrol("c")
        shell.console.expect(shell.prompt, timeout=PROMPT_S)
    except (TIMEOUT, EOF, OSError):
        return False
    return True
