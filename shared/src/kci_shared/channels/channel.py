# SPDX-License-Identifier: LGPL-2.1-or-later
"""A channel to another system: closed by a fault of its own, opened by a probe."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from kci_shared.channels.breaker import Breaker, Outage
from kci_shared.channels.openings import enlisted
from kci_shared.channels.sightings import TABLE, Sighting, of_error
from kci_shared.errors import ChannelDown, ConfigError, KciError
from kci_shared.logging import get_logger
from kci_shared.redaction import redacted

log = get_logger(__name__)

Probe = Callable[[], Awaitable[None]]
"""Sends a cheap request that changes nothing, with the credentials read anew.

Raises an exception if it does not get through.
"""
PROBE_S = 30.0
"""How long a probe may take."""
MAX_REASON_CHARS = 500

UP = Gauge("kci_channel_up", "1 if the channel is up, 0 if it is down", ["channel"])
OUTAGES = Counter(
    "kci_channel_outages_total", "Outages, by what was seen", ["channel", "seen"]
)


@dataclass(frozen=True)
class About:
    """What an operator knows a channel by."""

    name: str
    url: str
    """What holds the address, such as KCI_API_URL."""
    credentials: str
    """What holds the credentials, such as KCI_TOKEN."""

    def remedy(self, sighting: Sighting) -> str:
        """Return what to do."""
        return TABLE[sighting].remedy.format(url=self.url, token=self.credentials)


class Channel:
    """A breaker, and the task that probes while it is down."""

    def __init__(
        self,
        about: About,
        probe: Probe,
        *,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = about.name
        self._about = about
        self._probe = probe
        self._sleep = sleep
        self._breaker = Breaker(jitter)
        self._probing: asyncio.Task[None] | None = None
        self._is_open = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Be a channel of this process as long as the block runs."""
        UP.labels(self.name).set(1)
        with enlisted(self):
            self._is_open = True
            try:
                yield
            finally:
                self._is_open = False
                if self._probing is not None:
                    self._probing.cancel()
                    await asyncio.gather(self._probing, return_exceptions=True)

    @property
    def problem(self) -> str:
        """Why the channel is down, and what to do; empty if it is up."""
        outage = self._breaker.outage
        if outage is None:
            return ""
        seconds = time.monotonic() - outage.since
        return f"down for {seconds:.0f} s: {outage.reason}; to do: {outage.remedy}"

    def require(self) -> None:
        """Raise `ChannelDown` if the channel is down."""
        if (outage := self._breaker.outage) is not None:
            raise self._error(outage)

    def fault(self, sighting: Sighting, reason: str) -> ChannelDown:
        """Take the channel down; return the error to raise."""
        outage = self._outage(sighting, reason)
        # a channel that nobody probes, as in a command, would stay down
        if self._is_open and self._breaker.fail(outage):
            log.warning(
                "channel down",
                channel=self.name,
                reason=outage.reason,
                todo=outage.remedy,
            )
            UP.labels(self.name).set(0)
            OUTAGES.labels(self.name, sighting).inc()
            self._probing = asyncio.create_task(self._probe_until_up())
        return self._error(outage)

    def _outage(self, sighting: Sighting, reason: str) -> Outage:
        reason = redacted(reason)[:MAX_REASON_CHARS]
        remedy = self._about.remedy(sighting)
        return Outage(sighting, reason, remedy, time.monotonic())

    def _error(self, outage: Outage) -> ChannelDown:
        text = f"{self.name}: {outage.reason}; to do: {outage.remedy}"
        return ChannelDown(text, outage.seen)

    async def up(self) -> None:
        """Wait until the channel is up."""
        if self._probing is not None:
            await asyncio.wait({self._probing})

    def down_s(self, now: float) -> float:
        """Return for how long, in all, the channel has been down."""
        return self._breaker.down_s(now)

    async def _probe_until_up(self) -> None:
        while self._breaker.is_down:
            await self._sleep(self._breaker.pause_s())
            try:
                async with asyncio.timeout(PROBE_S):
                    await self._probe()
            except ConfigError as error:  # such as a token's file that is not there
                self._still_down(Sighting.NO_CREDENTIALS, str(error))
            except KciError as error:
                log.info("channel still down", channel=self.name, reason=str(error))
            except Exception as error:
                self._still_down(of_error(error), f"{type(error).__name__}: {error}")
            else:
                self._breaker.recover(time.monotonic())
                UP.labels(self.name).set(1)
                log.info("channel up again", channel=self.name)

    def _still_down(self, sighting: Sighting, reason: str) -> None:
        if TABLE[sighting].remedy:  # else the first reason says more
            self._breaker.fail(self._outage(sighting, reason))
        log.info("channel still down", channel=self.name, reason=redacted(reason))
