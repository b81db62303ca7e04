# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration as it is just now: read again when its files change.

One that is wrong is refused, and the last one that was right stays in force.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from prometheus_client import Gauge

from kci_shared.config.load import load, read
from kci_shared.config.models import Config
from kci_shared.config.source import files
from kci_shared.logging import get_logger

log = get_logger(__name__)

RIGHT = Gauge("kci_config_right", "1 if the files are in force, 0 if they are wrong")
LOADED = Gauge("kci_config_loaded_seconds", "When the configuration in force was read")

State = dict[Path, tuple[int, int, int]]
"""Of each file its inode, size and time of change."""


class WatchedConfig:
    """A folder's configuration; `current` is right at any time."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; raise `ConfigError` if it is wrong from the start."""
        self._folder = folder
        self._seen = self._read = _state(folder)
        self.current: Config = load(folder)
        self.problem = ""
        """What is wrong with the files now, and that they are not in force."""
        self._tell_right()

    def get(self) -> Config:
        """Return the configuration in force."""
        return self.current

    async def watch(self, every: float, stop: asyncio.Event) -> None:
        """Look at the files each `every` seconds until `stop` is set."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every)
            await self.look()

    async def look(self) -> None:
        """Read the files again if they have changed, and no longer do."""
        before, self._seen = self._seen, _state(self._folder)
        if self._seen == self._read:
            return
        if self._seen != before:
            return  # somebody is writing: the next look finds it finished
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
        self._tell_right()
        log.info("configuration read again", tests=len(config.tests))

    def _tell_right(self) -> None:
        RIGHT.set(1)
        LOADED.set_to_current_time()


def _state(folder: Path) -> State:
    state: State = {}
    for file in files(folder):
        with suppress(OSError):  # gone since
            is_now = file.stat()
            state[file] = (is_now.st_ino, is_now.st_size, is_now.st_mtime_ns)
    return state
