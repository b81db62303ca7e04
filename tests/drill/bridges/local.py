# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab of QEMU processes that counts their starts."""

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from drill.bridges.lab import replicas, upload_images
from kci_local.processes import Process
from kci_local.site import Site
from kci_shared.storage import Storage

QEMU = "qemu-system-x86_64"
COUNTING = '#!/bin/sh\necho "$*" >>{boots}\nexec {qemu} "$@"\n'
HANDLE = re.compile(r"qemu-([0-9a-f]{24})")


class LocalDrill:
    """Boots a kernel for each job; a job of a killed bridge boots again."""

    runtime = "lab-local"
    platform = "qemu-x86_64"
    runs_anew = True
    longest_life_s = 40.0

    def __init__(self, site: Site) -> None:
        self._site = site
        self._images: dict[str, str] = {}
        self._boots = site.state / "boots"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Kill the machines that are left at the end."""
        try:
            yield
        finally:
            for pid in self._machines():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def bridges(self) -> list[Process]:
        """Return replicas that start QEMU by a script that counts."""
        qemu = self._site.state / "counting-qemu"
        qemu.write_text(COUNTING.format(boots=self._boots, qemu=shutil.which(QEMU)))
        qemu.chmod(0o755)
        return replicas(self._site, "local-bridge", {"KCI_QEMU": str(qemu)})

    async def definition(self, storage: Storage, _: int) -> dict[str, Any]:
        """Boot, and print the kernel's release."""
        self._images = self._images or await upload_images(storage)
        tests = [{"id": "uname", "run": "uname -r"}]
        return {"artifacts": self._images, "tests": tests, "timeout": 300}

    async def runs(self, _: list[str]) -> Counter[str]:
        """Count how often each job was booted."""
        if not self._boots.exists():
            return Counter()
        commands = self._boots.read_text().splitlines()
        matches = [HANDLE.search(command) for command in commands]
        return Counter(match[1] for match in matches if match)

    async def leftovers(self) -> list[str]:
        """Return the machines that still run."""
        return [f"machine {pid}" for pid in self._machines()]

    def _machines(self) -> list[int]:
        ours, pids = str(self._site.state).encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):
                command = (process / "cmdline").read_bytes()
                if QEMU.encode() in command.split(b"\0")[0] and ours in command:
                    pids.append(int(process.name))
        return pids
