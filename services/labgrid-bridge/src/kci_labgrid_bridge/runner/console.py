# SPDX-License-Identifier: LGPL-2.1-or-later
"""A serial driver that reads many bytes at once."""

import time
from typing import Any

import attr
from labgrid import target_factory
from labgrid.driver import SerialDriver

BULK_BYTES = 1 << 16
GATHER_S = 0.02
"""How long to let bytes accumulate: 230 of them at 115200 baud."""


@target_factory.reg_driver
@attr.s(eq=False)
class BulkSerialDriver(SerialDriver):  # type: ignore[misc]
    """Reads all bytes that have arrived.

    labgrid's own driver reads a raw TCP line byte by byte and searches it each time,
    which costs several seconds of CPU per boot.
    """

    def _read(
        self, size: int = 1, timeout: float = 0.0, max_size: int | None = None
    ) -> Any:
        first = super()._read(size, timeout, max_size)
        if max_size:
            return first
        time.sleep(GATHER_S)
        self.serial.timeout = 0
        return first + self.serial.read(BULK_BYTES)
