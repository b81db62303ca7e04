# SPDX-License-Identifier: LGPL-2.1-or-later
"""Build one kernel, and know neither API nor token: ``kci-builder-once``."""

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
    """Build a kernel, and leave a report: that there is one is a good end."""
    async with Storage.open() as storage:
        artifacts = Artifacts(storage, settings.folder / "cache")
        # whoever runs this has put walls around it: there is nothing to be seen here
        maker = Maker(artifacts, Sandbox(is_closed=False), settings, sys.stdout.buffer)
        try:
            outcome = await maker.make(settings.order, settings.folder)
        except CannotRun as error:
            outcome = RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    write_report(outcome, settings.folder)


def start() -> None:
    """Build what the settings say."""
    run(main, OnceSettings)
