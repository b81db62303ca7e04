# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job as tests of pytest: the boot, then each command that the job names."""

from typing import Any

from labgrid.driver import ShellDriver
from labgrid.strategy import Strategy
from pexpect import EOF, TIMEOUT

from kci_labgrid_bridge.runner.plugin import Journal

PATIENCE = 20
"""How long a board may take to come back after Ctrl-C, in seconds."""


class Overtime(Exception):
    """A command did not end in time."""


def test_boot(shell: ShellDriver, journal: Journal) -> None:
    """The board came up to its shell."""
    journal.write(None)


def test_command(
    command: dict[str, Any], shell: ShellDriver, strategy: Strategy, journal: Journal
) -> None:
    """A command ended; whether it passed is not for us to say."""
    limit = command["timeout"]
    try:
        output, _, status = shell.run(
            command["run"], timeout=limit, decodeerrors="replace"
        )
    except TIMEOUT as error:
        if not _interrupt(shell):
            strategy.broken = error  # so that the commands left are skipped
        raise Overtime(f"over {limit:g} s") from error
    except Exception as error:
        strategy.broken = error
        raise
    journal.write(command["id"], status=status, output=output)


def _interrupt(shell: ShellDriver) -> bool:
    """Stop what runs on the board; False when it does not answer any more.

    Without this each further command would wait 30 s for its prompt.
    """
    try:
        shell.console.sendcontrol("c")
        shell.console.expect(shell.prompt, timeout=PATIENCE)
    except (TIMEOUT, EOF, OSError):
        return False
    return True
