# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the API knows of a runtime: said at its start, as it changes, every minute.

Nothing depends on it: an API that is away or refuses is told again later.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from pydantic import ValidationError

from kci_shared.client import ApiClient
from kci_shared.errors import KciError
from kci_shared.logging import get_logger
from kci_shared.models import RuntimeReport
from kci_shared.models.runtimes import LONGEST_MESSAGE
from kci_shared.text import redacted
from kci_shared.work.dialect import Dialect

log = get_logger(__name__)

EVERY = 60.0
"""How often the same is said, in seconds; the API believes it for 3 minutes."""
AGAIN = 10.0
"""How long until an API that would not hear is told again."""
QUICKEST = 2.0
"""Between two changes: a lab may come and go."""
PATIENCE = 5.0
"""How long the lab's first answer is waited for, and the API's to our goodbye."""
UNHEARD = "the lab has not answered yet"
DRAINS = "the bridge stops: it takes no new jobs"


class Presence:
    """How the lab does, as its bridge sees it, on its way to the API."""

    def __init__(self, api: ApiClient, runtime: str, dialect: Dialect) -> None:
        self._api = api
        self._runtime = runtime
        self._dialect = dialect
        self._platforms: dict[str, int] = {}
        self._problem = UNHEARD
        self._facts: dict[str, str] = {}
        self._answered = -EVERY
        self._changed = asyncio.Event()
        self._refusal = ""

    def lab_answered(self, platforms: Mapping[str, int]) -> None:
        """Note how many jobs of each platform the lab can run at once."""
        self._answered = time.monotonic()
        self._facts["lab_answered"] = _now()
        self._note(dict(platforms), "")

    def lab_failed(self, reason: str) -> None:
        """Note that the lab cannot be used, and why."""
        self._note(self._platforms, reason)

    def job_ended(self) -> None:
        """Note that a job came to its end."""
        self._facts["job_ended"] = _now()

    @property
    def is_due(self) -> bool:
        """Whether the lab should be asked again, wanted or not."""
        return time.monotonic() - self._answered >= EVERY

    def _note(self, platforms: dict[str, int], problem: str) -> None:
        problem = redacted(problem)[:LONGEST_MESSAGE]
        if (platforms, problem) != (self._platforms, self._problem):
            self._platforms, self._problem = platforms, problem
            self._changed.set()

    async def keep(self) -> NoReturn:
        """Tell the API for as long as the bridge lives."""
        await self._change_within(PATIENCE)
        while True:
            self._changed.clear()
            if await self._tell(self._problem):
                await asyncio.sleep(QUICKEST)
                await self._change_within(EVERY - QUICKEST)
            else:
                await asyncio.sleep(AGAIN)

    async def _change_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def leave(self) -> None:
        """Tell the API that the bridge drains."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._tell(DRAINS)
        except TimeoutError:
            log.warning("runtime not registered", reason="the API does not answer")

    async def _tell(self, problem: str) -> bool:
        """Say how the lab does; whatever goes wrong, jobs go on."""
        try:
            report = RuntimeReport(
                kind=self._dialect.kind,
                platforms=self._platforms,
                healthy=not problem,
                message=problem,
                facts={**self._dialect.facts(), **self._facts},
            )
            await self._api.register(self._runtime, report)
        except (KciError, ValidationError) as error:
            self._refused(f"{type(error).__name__}: {error}")
            return False
        except Exception:
            log.exception("bug in the registration")
            return False
        self._refusal = ""
        return True

    def _refused(self, reason: str) -> None:
        if reason != self._refusal:  # said once, not every few seconds
            log.warning("runtime not registered", reason=reason)
        self._refusal = reason


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
