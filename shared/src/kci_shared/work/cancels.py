# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hears within seconds that somebody ended a node that runs here.

A heartbeat would tell, too, but it is sent for each job, so that it must be rare.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

from kci_shared.client import ApiClient
from kci_shared.errors import ApiError
from kci_shared.logging import get_logger
from kci_shared.models import State
from kci_shared.work.job import JobRun

log = get_logger(__name__)

EVERY = 3.0
"""Between two questions, in seconds."""
AT_ONCE = 200
"""How many nodes one question is about."""


async def watch(api: ApiClient, runs: Callable[[], Iterable[JobRun]]) -> NoReturn:
    """Have each run whose node is done look at its claim, which ends it."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            await _look(api, list(runs()))
        except ApiError as error:
            log.info("not heard of cancels", reason=str(error))
        except Exception:
            log.exception("bug as cancels are heard of")


async def _look(api: ApiClient, runs: list[JobRun]) -> None:
    for start in range(0, len(runs), AT_ONCE):
        some = {run.held.node.id: run for run in runs[start : start + AT_ONCE]}
        wanted = {"id__in": ",".join(some), "state": State.DONE, "limit": AT_ONCE}
        for node in await api.find(**wanted):
            some[node.id].look_at_claim()
