# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a drill, prints its faults, and exits with a status."""

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any, NoReturn


def conclude(drill: Coroutine[Any, Any, list[str]], seed: int) -> NoReturn:
    """Run a drill, print the faults it returns, and exit; status 1 if there are any."""
    begin = time.monotonic()
    faults = asyncio.run(drill)
    for fault in faults:
        print("FAULT", fault)
    minutes = (time.monotonic() - begin) / 60
    print(f"seed {seed}: {len(faults)} faults in {minutes:.1f} minutes")
    sys.exit(bool(faults))
