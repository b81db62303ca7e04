# SPDX-License-Identifier: LGPL-2.1-or-later
"""Computations that would keep all other requests waiting."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FEW_NODES = 20
"""A thread costs more than to check so many."""


async def computed(nodes: int, work: Callable[[], T]) -> T:
    """Return the result of a pure function; if it has many nodes, from a thread."""
    if nodes <= FEW_NODES:
        return work()
    return await asyncio.to_thread(work)
