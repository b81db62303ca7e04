# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs of a service's sweep, as the consumer makes them."""

from contextlib import suppress

from kci_shared.events import Handler, Sweep
from kci_shared.events.reconcile import event_of
from kci_shared.events.retries import MAX_CRASHES
from kci_shared.models import Event


async def owed(sweep: Sweep) -> list[str]:
    """Return the ids of the nodes that a sweep yields."""
    return [node.id async for node in sweep()]


async def sweep_once(sweep: Sweep, handler: Handler) -> None:
    """Handle each node that a sweep yields."""
    for node in [node async for node in sweep()]:
        await handler(event_of(node))


class Crash(Exception):
    """A handler crashes of something that nobody foresaw."""


async def give_up(handler: Handler, event: Event) -> None:
    """Deliver an event as often as the consumer does before it gives the event up."""
    for _ in range(MAX_CRASHES):
        with suppress(Crash):
            await handler(event)
            raise AssertionError("the handler has not crashed")
