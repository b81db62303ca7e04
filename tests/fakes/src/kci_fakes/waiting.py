# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waits for a condition instead of a time, so that a busy machine fails no test."""

import asyncio
from collections.abc import Callable

LOOK_S = 0.002
"""Between two looks."""
LIMIT_S = 60.0


async def until(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Wait until a condition is true; raise `TimeoutError` if it never is."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(LOOK_S)
