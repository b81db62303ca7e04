# SPDX-License-Identifier: LGPL-2.1-or-later
"""Call a service's handler with an event, and act on the outcome."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from redis.exceptions import RedisError
from structlog.contextvars import bound_contextvars

from kci_shared.errors import KciError
from kci_shared.events.deliveries import Deliveries
from kci_shared.events.group import ConsumerGroup, Delivery
from kci_shared.events.metrics import HANDLED
from kci_shared.events.retries import is_given_up
from kci_shared.logging import get_logger
from kci_shared.models import Event

log = get_logger(__name__)

Handler = Callable[[Event], Awaitable[None]]

DONE = HANDLED.labels("done")
RETRIED = HANDLED.labels("retried")
GIVEN_UP = HANDLED.labels("dead")


class Handling:
    """Handles deliveries: each is acknowledged, retried later, or given up."""

    def __init__(
        self, handler: Handler, deliveries: Deliveries, group: ConsumerGroup
    ) -> None:
        self._handler = handler
        self._deliveries = deliveries
        self._group = group

    async def parse(self, delivery: Delivery) -> Event | None:
        """Return the event of a delivery; what is no event is given up."""
        try:
            return Event.model_validate_json(delivery.text)
        except ValidationError as error:
            with self._left_pending(delivery):
                await self._give_up(delivery, f"not an event: {error}")
            return None

    async def handle(self, delivery: Delivery, event: Event) -> None:
        """Handle an event; raise no error of the handler, or of Redis."""
        with bound_contextvars(event_id=event.id, node_id=event.node_id):
            try:
                await self._handler(event)
            except Exception as error:
                await self._failed(delivery, error)
            else:
                DONE.inc()
                self._deliveries.done(delivery.key)

    async def _failed(self, delivery: Delivery, error: Exception) -> None:
        if not isinstance(error, KciError):
            log.error("handler crashed", exc_info=error)
        with self._left_pending(delivery):
            attempts = await self._group.attempts(delivery)
            if is_given_up(error, attempts):
                await self._give_up(delivery, _reason(error))
                return
            self._deliveries.retry(delivery.key, attempts)
            RETRIED.inc()
            log.info("event kept for later", reason=_reason(error), attempts=attempts)

    @contextmanager
    def _left_pending(self, delivery: Delivery) -> Iterator[None]:
        """Leave a delivery to whichever replica takes it over, if Redis is away."""
        try:
            yield
        except (RedisError, OSError) as error:
            log.warning("redis away", reason=str(error))
            self._deliveries.settled(delivery.key)

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        await self._group.bury(delivery, reason)
        self._deliveries.settled(delivery.key)
        GIVEN_UP.inc()
        log.error("event given up", entry_id=delivery.entry_id, reason=reason)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
