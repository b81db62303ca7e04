# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repeats a request until the cluster answers it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kci_kubernetes_bridge.refusals import Away, Denied
from kci_shared.errors import ChannelDown
from kci_shared.logging import get_logger

log = get_logger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
DENIED_S = 60.0
"""How long a cluster may deny us what it allows: an API server that has just started
has yet to load who may do what."""


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call while the cluster is away; the job's time limit ends it.

    Raises `Denied` when the cluster has denied access for a minute on end.
    """
    pause_s, denied_since = FIRST_PAUSE_S, None
    while True:
        try:
            return await call()
        except Away as error:
            denied_since = None
            log.warning("waiting for the cluster", reason=str(error))
        except ChannelDown as error:
            denied_since = None
            log.info("waiting for the cluster", reason=str(error))
        except Denied as error:
            denied_since = denied_since or time.monotonic()
            if time.monotonic() - denied_since >= DENIED_S:
                raise
            log.warning("waiting for the cluster's rules", reason=str(error))
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
