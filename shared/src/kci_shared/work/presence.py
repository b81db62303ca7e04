# SPDX-License-Identifier: LGPL-2.1-or-later
"""Registers the runtime with the API: at the start, on changes, and every minute.

Jobs do not depend on it: a failed registration is logged and repeated.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from pydantic import ValidationError

from kci_shared.errors import KciError
from kci_shared.logging import get_logger
from kci_shared.models import RuntimeReport
from kci_shared.models.runtimes import MAX_MESSAGE_CHARS
from kci_shared.redaction import redacted
from kci_shared.waiting import wait
from kci_shared.work.api import ClaimsApi
from kci_shared.work.dialect import Dialect

log = get_logger(__name__)

PERIOD_S = 60.0
"""Between two registrations without a change; the API trusts each for 3 minutes."""
RETRY_S = 10.0
"""Until the next try after a failed registration."""
MIN_PERIOD_S = 2.0
"""Between two registrations, however often a lab comes and goes."""
FIRST_ANSWER_S = 5.0
"""How long the first registration waits for the lab's first answer."""
LEAVE_S = 5.0
"""How long the last registration may delay the end of the bridge."""
NO_ANSWER = "the lab has not answered yet"
DRAINS = "the bridge stops: it takes no new jobs"


class Presence:
    """The state of the lab, as its bridge sees it, and its registration."""

    def __init__(self, api: ClaimsApi, runtime: str, dialect: Dialect) -> None:
        self._api = api
        self._runtime = runtime
        self._dialect = dialect
        self._platforms: dict[str, int] = {}
        self._problem = NO_ANSWER
        self._times: dict[str, str] = {}
        self._answered = -PERIOD_S
        self._changed = asyncio.Event()
        self._refusal = ""

    def lab_answered(self, platforms: Mapping[str, int]) -> None:
        """Record that the lab works, and how many jobs of each platform it can run."""
        self._answered = time.monotonic()
        self._times["lab_answered"] = _now()
        self._set(dict(platforms), "")

    def lab_failed(self, reason: str) -> None:
        """Record that the lab cannot be used, and why."""
        self._set(self._platforms, reason)

    def job_ended(self) -> None:
        """Record when a job ended."""
        self._times["job_ended"] = _now()

    @property
    def is_due(self) -> bool:
        """Whether the lab must be queried again, even if there is no room for jobs."""
        return time.monotonic() - self._answered >= PERIOD_S

    def _set(self, platforms: dict[str, int], problem: str) -> None:
        problem = redacted(problem)[:MAX_MESSAGE_CHARS]
        if (platforms, problem) != (self._platforms, self._problem):
            self._platforms, self._problem = platforms, problem
            self._changed.set()

    async def keep(self) -> NoReturn:
        """Register again and again, until cancelled."""
        await wait(self._changed, FIRST_ANSWER_S)
        while True:
            self._changed.clear()
            if await self._register(self._problem):
                await asyncio.sleep(MIN_PERIOD_S)
                await wait(self._changed, PERIOD_S - MIN_PERIOD_S)
            else:
                await asyncio.sleep(RETRY_S)

    async def leave(self) -> None:
        """Register that the bridge drains."""
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._register(DRAINS)
        except TimeoutError:
            log.warning("runtime not registered", reason="the API does not answer")

    async def _register(self, problem: str) -> bool:
        """Register once; return whether it worked. Raises nothing: jobs go on."""
        try:
            report = RuntimeReport(
                kind=self._dialect.kind,
                platforms=self._platforms,
                healthy=not problem,
                message=problem,
                facts={**self._dialect.facts(), **self._times},
            )
            await self._api.register(self._runtime, report)
        except (KciError, ValidationError) as error:
            self._log_refusal(f"{type(error).__name__}: {error}")
            return False
        except Exception:
            log.exception("bug in the registration")
            return False
        self._refusal = ""
        return True

    def _log_refusal(self, reason: str) -> None:
        if reason != self._refusal:  # once, not at every retry
            log.warning("runtime not registered", reason=reason)
        self._refusal = reason


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
