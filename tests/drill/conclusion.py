# SPDX-License-Identifier: LGPL-2.1-or-later
"""How every drill ends: with what was wrong, and with a status that says so."""

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any, NoReturn


def conclude(drill: Coroutine[Any, Any, list[str]], seed: int) -> NoReturn:
    """Run a drill, say how it went, and end this process."""
    begin = time.monotonic()
    wrong = asyncio.run(drill)
    for fault in wrong:
        print("FAULT", fault)
    minutes = (time.monotonic() - begin) / 60
    print(f"seed {seed}: {len(wrong)} faults in {minutes:.1f} minutes")
    sys.exit(bool(wrong))
