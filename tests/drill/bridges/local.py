# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab of QEMU processes that counts what it really boots."""

import os
import re
import shutil
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from kci_local.lab.images import make_images
from kci_local.parts import service_part
from kci_local.processes import Process
from kci_local.site import Site
from kci_shared.storage import Storage

IMAGES = Path("var/cache")
QEMU = "qemu-system-x86_64"
COUNTING = '#!/bin/sh\necho "$*" >>{boots}\nexec {qemu} "$@"\n'
HANDLE = re.compile(r"qemu-([0-9a-f]{24})")
LEASE_S = 5


class LocalLab:
    """Boots a kernel for each job; a job of a killed bridge boots anew."""

    runtime = "lab-local"
    platform = "qemu-x86_64"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._boots = site.state / "boots"

    def bridges(self) -> list[Process]:
        """Say how two replicas of the bridge are run."""
        qemu = self._site.state / "counting-qemu"
        qemu.write_text(COUNTING.format(boots=self._boots, qemu=shutil.which(QEMU)))
        qemu.chmod(0o755)
        own = {"KCI_QEMU": str(qemu), "KCI_LEASE": str(LEASE_S)}
        parts = [service_part(self._site, "local-bridge", two) for two in ("", "-2")]
        return [
            Process(part.name, part.command, {**part.env, **own}, health=part.health)
            for part in parts
        ]

    async def definition(self, storage: Storage) -> dict[str, Any]:
        """Describe the job that all jobs are."""
        images = make_images(IMAGES)
        files = {"kernel": images.kernel, "ramdisk": images.ramdisk}
        urls = {name: await storage.put_file(file) for name, file in files.items()}
        tests = [{"id": "uname", "run": "uname -r"}]
        return {"artifacts": urls, "tests": tests, "timeout": 300}

    def runs(self) -> Counter[str]:
        """Count how often each job was booted."""
        if not self._boots.exists():
            return Counter()
        commands = self._boots.read_text().splitlines()
        found = [HANDLE.search(command) for command in commands]
        return Counter(match[1] for match in found if match)

    def leftovers(self) -> list[str]:
        """Name the machines that still run."""
        return [f"machine {pid}" for pid in self._machines()]

    def clear(self) -> None:
        """Switch off what should not be there."""
        for pid in self._machines():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _machines(self) -> list[int]:
        ours, found = str(self._site.state).encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):
                command = (process / "cmdline").read_bytes()
                if QEMU.encode() in command.split(b"\0")[0] and ours in command:
                    found.append(int(process.name))
        return found
