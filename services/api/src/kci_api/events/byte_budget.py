# SPDX-License-Identifier: LGPL-2.1-or-later
"""The memory of all event streams that clients have not read yet, within a budget."""

from collections.abc import Callable

from kci_shared.logging import get_logger

log = get_logger(__name__)

MAX_UNREAD_BYTES = 64 << 20
"""Of all streams of this process together, buffers of sockets not counted."""


class Reader:
    """A client that reads a stream."""

    def __init__(self, disconnect: Callable[[], None]) -> None:
        self._disconnect = disconnect
        self.cut_off = False
        """Whether its stream has ended, because it read too slowly."""

    def cut(self) -> None:
        """End its stream at once."""
        self.cut_off = True
        self._disconnect()


class Unread:
    """Counts the bytes that wait for each reader; cuts off the slowest beyond a budget.

    The reader who has waited longest is the slowest. It can connect again, and resume
    after the last event that it has read.
    """

    def __init__(self, max_bytes: int = MAX_UNREAD_BYTES) -> None:
        self.max_bytes = max_bytes
        self.cut_off = 0
        """How many readers were cut off so far."""
        self._bytes = 0
        self._waiting: dict[Reader, int] = {}
        """The bytes of each reader, those who have waited longest first."""

    def hold(self, reader: Reader, size: int) -> None:
        """Count bytes that a reader is about to be sent."""
        self._waiting[reader] = size
        self._bytes += size
        while self._bytes > self.max_bytes and len(self._waiting) > 1:
            slowest = next(iter(self._waiting))
            self.release(slowest)
            slowest.cut()
            self.cut_off += 1
            log.warning("slow reader cut off", unread_bytes=self._bytes)

    def release(self, reader: Reader) -> None:
        """Count the bytes of a reader no longer: it has read them, or has gone."""
        self._bytes -= self._waiting.pop(reader, 0)
