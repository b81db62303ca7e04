# SPDX-License-Identifier: LGPL-2.1-or-later
"""Build one kernel without an API and without a token: ``kci-builder-once``."""

import asyncio
import sys

from kci_builder.maker import Maker
from kci_builder.report import write_report
from kci_builder.sandbox import Sandbox
from kci_builder.settings import OnceSettings
from kci_shared.models import Result
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import CannotRun, RunOutcome
from kci_shared.work.artifacts import Artifacts


async def main(settings: OnceSettings, _: asyncio.Event) -> None:
    """Build a kernel and leave a report; exit with 0 even if the kernel is broken."""
    async with Storage.open() as storage:
        artifacts = Artifacts(storage, settings.folder / "cache")
        sandbox = Sandbox(is_isolated=False)  # the container is the isolation
        maker = Maker(artifacts, sandbox, settings, sys.stdout.buffer)
        try:
            outcome = await maker.make(settings.order, settings.folder)
        except CannotRun as error:
            outcome = RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    write_report(outcome, settings.folder)


def start() -> None:
    """Start the program."""
    run(main, OnceSettings)
