# SPDX-License-Identifier: LGPL-2.1-or-later
"""A serial line that is read in bulk."""

import time
from typing import Any

import attr
from labgrid import target_factory
from labgrid.driver import SerialDriver

BULK = 1 << 16
GATHER = 0.02
"""How long to let characters gather, in seconds: 230 of them at 115200 baud."""


@target_factory.reg_driver
@attr.s(eq=False)
class BulkSerialDriver(SerialDriver):  # type: ignore[misc]
    """Labgrid's driver reads a raw TCP line byte by byte, and searches it each time.

    That costs several seconds of CPU for a boot; this one takes what has come.
    """

    def _read(
        self, size: int = 1, timeout: float = 0.0, max_size: int | None = None
    ) -> Any:
        first = super()._read(size, timeout, max_size)
        if max_size:
            return first
        time.sleep(GATHER)
        self.serial.timeout = 0
        return first + self.serial.read(BULK)
