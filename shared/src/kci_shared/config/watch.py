# SPDX-License-Identifier: LGPL-2.1-or-later
"""The current configuration: read again when its files change.

Invalid files are rejected, and the last valid configuration stays in force.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from prometheus_client import Gauge

from kci_shared.config.load import load, read
from kci_shared.config.models import Config
from kci_shared.config.source import files
from kci_shared.logging import get_logger
from kci_shared.waiting import wait

log = get_logger(__name__)

RIGHT = Gauge("kci_config_right", "1 if the files are valid and in force, 0 if not")
LOADED = Gauge("kci_config_loaded_seconds", "When the configuration in force was read")

State = dict[Path, tuple[int, int, int]]
"""Inode, size and modification time of each file."""


class WatchedConfig:
    """The last valid configuration of a folder."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; raise `ConfigError` if it is invalid."""
        self._folder = folder
        self._seen = self._read = _state(folder)
        self.current: Config = load(folder)
        self.problem = ""
        """What is wrong with the current files; empty if they are in force."""
        self._mark_valid()

    def get(self) -> Config:
        """Return the configuration in force."""
        return self.current

    async def watch(self, every: float, stop: asyncio.Event) -> None:
        """Check the files every `every` seconds until `stop` is set."""
        while not stop.is_set():
            await wait(stop, every)
            await self.look()

    async def look(self) -> None:
        """Read the files again if they have changed, and are complete."""
        before, self._seen = self._seen, _state(self._folder)
        if self._seen == self._read:
            return
        if self._seen != before:
            return  # still being written: the next check finds them complete
        self._read = self._seen
        config, problems = await asyncio.to_thread(read, self._folder)
        if config is None:
            self.problem = "; ".join(str(problem) for problem in problems[:3])
            RIGHT.set(0)
            log.error(
                "configuration refused", problems=len(problems), first=str(problems[0])
            )
            return
        self.current, self.problem = config, ""
        self._mark_valid()
        log.info("configuration read again", tests=len(config.tests))

    def _mark_valid(self) -> None:
        RIGHT.set(1)
        LOADED.set_to_current_time()


def _state(folder: Path) -> State:
    state: State = {}
    for file in files(folder):
        with suppress(OSError):  # deleted meanwhile
            stat = file.stat()
            state[file] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return state
