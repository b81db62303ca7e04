# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fetches results and log of a finished job from LAVA."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import stamina

from kci_lava_bridge.answers import LavaJob
from kci_lava_bridge.callbacks import CALLBACK_FILE
from kci_lava_bridge.definition import dump
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.log import LogFacts, LogReader, lines_of
from kci_lava_bridge.refusals import LavaAway
from kci_lava_bridge.results import Case, read_cases
from kci_shared.errors import ChannelDown
from kci_shared.rules.artifacts import LOG

T = TypeVar("T")

MAX_PAUSE_S = 15.0
SECRET = ("secrets", "notify")
"""Parts of a definition that may contain tokens."""


async def collect_cases(lava: Lava, job: LavaJob) -> list[Case]:
    """Fetch the results of a job; retried until LAVA answers."""
    text = await _patiently(lambda: lava.results(job.id))
    return await asyncio.to_thread(read_cases, [text])


async def collect_log(
    lava: Lava, job: LavaJob, cases: list[Case], folder: Path
) -> LogFacts:
    """Fetch the log of a job into a folder: the console as text, and the original."""
    return await _patiently(lambda: _copy_log(lava, job, cases, folder))


async def _copy_log(
    lava: Lava, job: LavaJob, cases: list[Case], folder: Path
) -> LogFacts:
    raw, console = folder / "lava.yaml.gz", folder / "console.log"
    with gzip.open(raw, "wb", 3) as copy, console.open("w", encoding="utf-8") as text:
        reader = LogReader(text, cases)
        async for line in lines_of(lava.log(job.id)):
            copy.write(line + b"\n")
            reader.feed(line)
    return reader.facts


def files_of(folder: Path, definition: dict[str, Any]) -> dict[str, Path]:
    """Return the artifacts in a folder, without empty ones."""
    file = folder / "definition.yaml"
    shown = {key: part for key, part in definition.items() if key not in SECRET}
    file.write_text(dump(shown), encoding="utf-8")
    files = {
        LOG: folder / "console.log",
        "lava_log": folder / "lava.yaml.gz",
        "definition": file,
        "callback": folder / CALLBACK_FILE,
    }
    has_log = files[LOG].exists() and files[LOG].stat().st_size > 0
    return {
        name: path
        for name, path in files.items()
        if path.exists() and (has_log or LOG not in name)
    }


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Retry a call until LAVA answers; the job's time limit ends it."""
    async for attempt in stamina.retry_context(
        on=(LavaAway, ChannelDown), attempts=None, timeout=None, wait_max=MAX_PAUSE_S
    ):
        with attempt:
            return await call()
    raise AssertionError("unreachable: the last attempt returns or raises")
