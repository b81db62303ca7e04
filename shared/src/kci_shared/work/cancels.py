# SPDX-License-Identifier: LGPL-2.1-or-later
"""Notices within seconds that a running job's node was cancelled.

Heartbeats would show it, too, but there is one per job, so they are infrequent; one
query covers many jobs.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

from kci_shared.errors import KciError
from kci_shared.logging import get_logger
from kci_shared.models import State
from kci_shared.work.api import ClaimsApi
from kci_shared.work.job import JobRun

log = get_logger(__name__)

PERIOD_S = 3.0
"""Between two queries."""
NODES_PER_QUERY = 200


async def watch(api: ClaimsApi, runs: Callable[[], Iterable[JobRun]]) -> NoReturn:
    """Make each run whose node is done renew its claim, which ends the run."""
    while True:
        await asyncio.sleep(PERIOD_S)
        try:
            await _check(api, list(runs()))
        except KciError as error:
            log.info("cancels not checked", reason=str(error))
        except Exception:
            log.exception("bug in the check for cancels")


async def _check(api: ClaimsApi, runs: list[JobRun]) -> None:
    for start in range(0, len(runs), NODES_PER_QUERY):
        page = {run.node.id: run for run in runs[start : start + NODES_PER_QUERY]}
        query = {
            "id__in": ",".join(page),
            "state": State.DONE,
            "limit": NODES_PER_QUERY,
        }
        for node in await api.find(**query):
            page[node.id].verify_claim()
