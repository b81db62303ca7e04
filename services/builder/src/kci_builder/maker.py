# SPDX-License-Identifier: LGPL-2.1-or-later
"""From an order to a verdict and its artifacts, for whoever has one built."""

import asyncio
import hashlib
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any, BinaryIO

from kci_builder import rules
from kci_builder.build_folder import Box
from kci_builder.build import BrokenKernel, Build, Means
from kci_builder.log import BuildLog
from kci_builder.sandbox import Place, Sandbox
from kci_builder.settings import MakerSettings
from kci_shared.logging import get_logger
from kci_shared.models import BuildDefinition, ErrorCode, Result
from kci_shared.work import BadJob, CannotRun, RunOutcome
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.build import BuildFacts, BuildOrder

log = get_logger(__name__)

LOG = "build.log"
SCARCE = 64 << 20
"""With so little disk left a failure says nothing about the kernel."""


class Maker:
    """Makes kernels, each in a folder of its own."""

    def __init__(
        self,
        artifacts: Artifacts,
        sandbox: Sandbox,
        settings: MakerSettings,
        echo: BinaryIO | None = None,
    ) -> None:
        """Make kernels of these means; `echo` gets each log as it grows."""
        self._artifacts = artifacts
        self._sandbox = sandbox
        self._settings = settings
        self._echo = echo

    async def make(self, order: BuildOrder, folder: Path) -> RunOutcome:
        """Build one kernel, and leave its artifacts in the folder."""
        definition = order.definition
        _check(definition)
        fetched = await self._artifacts.fetch({"tarball": order.tarball})
        (folder / "box").mkdir()
        box = Box(folder / "box")
        place = self._place(box, order)
        log_file, sources = folder / LOG, box.folder / "src"
        most = self._settings.max_log
        with BuildLog(log_file, most, sources, self._echo) as build_log:
            jobs = self._settings.make_jobs or len(os.sched_getaffinity(0))
            means = Means(self._sandbox, place, jobs)
            build = Build(definition, means, box, build_log)
            outcome = await _judge(build, definition, fetched["tarball"], build_log)
        return await _complete(order, outcome, build, folder)

    def _place(self, box: Box, order: BuildOrder) -> Place:
        """Give builds a common cache, that patches of strangers may only read."""
        cache = self._settings.ccache
        if cache is None or shutil.which("ccache") is None:
            return Place(box.folder)
        cache.mkdir(parents=True, exist_ok=True)
        return Place(box.folder, cache.resolve(), not order.is_patched)


def _check(definition: BuildDefinition) -> None:
    """Raise `CannotRun` unless such a kernel could be built here."""
    if definition.arch not in rules.ARCHES:
        known = ", ".join(rules.ARCHES)
        raise BadJob(f"data.definition.arch: there is no {definition.arch}; {known}")
    if not rules.DEFCONFIG.fullmatch(definition.defconfig):
        raise BadJob("data.definition.defconfig: name a target that ends in config")
    for tool in ("make", rules.compiler_of(definition, platform.machine())):
        if shutil.which(tool) is None:
            raise CannotRun(f"there is no program {tool} here: install it")


async def _judge(
    build: Build, definition: BuildDefinition, tarball: Path, said: BuildLog
) -> RunOutcome:
    try:
        async with asyncio.timeout(definition.timeout):
            await build.run(tarball)
    except TimeoutError:
        reason = f"over {definition.timeout:g} s"
        said.say(f"the build was stopped: {reason}")
        return RunOutcome(Result.INCOMPLETE, ErrorCode.NODE_TIMEOUT, reason)
    except BrokenKernel as broken:
        if shutil.disk_usage(said.path.parent).free < SCARCE:
            code = ErrorCode.INFRASTRUCTURE
            return RunOutcome(Result.INCOMPLETE, code, "the disk is full")
        return RunOutcome(Result.FAIL, None, str(broken))
    except CannotRun as error:
        return RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    return RunOutcome(Result.PASS)


async def _complete(
    order: BuildOrder, outcome: RunOutcome, build: Build, folder: Path
) -> RunOutcome:
    """Add what the build left; a broken kernel has a configuration, too."""
    files = await build.collect(folder / "artifacts")
    if outcome.result is Result.PASS and build.wants_kernel - files.keys():
        outcome = RunOutcome(Result.FAIL, None, "make left no kernel image")
    known = await _metadata(order, build, files)
    metadata = folder / "metadata.json"
    metadata.write_text(json.dumps({**known, "result": outcome.result}, indent=2))
    log.info("built", result=outcome.result, reason=outcome.error_msg)
    facts = BuildFacts(
        compiler_version=known["compiler_version"],
        config_missing=build.facts.missing,
        duration=round(sum(build.facts.seconds.values())),
        kernel_release=build.facts.release,
    )
    return RunOutcome(
        outcome.result,
        outcome.error_code,
        outcome.error_msg,
        files={**files, "metadata": metadata, "build_log": folder / LOG},
        needed=frozenset(files) if outcome.result is Result.PASS else frozenset(),
        data=facts.model_dump(),
    )


async def _metadata(
    order: BuildOrder, build: Build, files: dict[str, Path]
) -> dict[str, Any]:
    """Say all that may be asked of a build later."""
    facts, revision = build.facts, order.revision
    return {
        "name": order.name,
        "revision": revision.model_dump(mode="json") if revision else None,
        "definition": order.definition.model_dump(mode="json", exclude_unset=True),
        "compiler_version": await build.compiler_version(),
        "variables": facts.variables,
        "targets": facts.targets,
        "kernel_release": facts.release,
        "config_missing": facts.missing,
        "seconds": facts.seconds,
        "artifacts": {
            name: {"name": path.name, "bytes": path.stat().st_size}
            | {"sha256": await asyncio.to_thread(_sha256, path)}
            for name, path in files.items()
        },
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
