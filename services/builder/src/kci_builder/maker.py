# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a build order to its outcome: the result, the artifacts, the metadata."""

import asyncio
import hashlib
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from kci_builder import rules
from kci_builder.build import BrokenKernel, Build, BuildEnvironment
from kci_builder.build_folder import BuildFolder
from kci_builder.build_log import BuildLog
from kci_builder.sandbox import Mounts, Sandbox
from kci_builder.settings import MakerSettings
from kci_shared.logging import get_logger
from kci_shared.models import BuildDefinition, ErrorCode, Result
from kci_shared.rules.artifacts import BUILD_LOG, TARBALL
from kci_shared.work import BadJob, CannotRun, RunOutcome
from kci_shared.work.build import BuildFacts, BuildOrder

log = get_logger(__name__)

LOG_NAME = "build.log"
DISK_FULL_BYTES = 64 << 20
"""With less free disk a failure says nothing about the kernel."""


class Sources(Protocol):
    """Where sources are fetched from."""

    async def fetch(self, urls: dict[str, str]) -> dict[str, Path]:
        """Return a local file for each URL; raises `CannotRun`."""
        ...


class Maker:
    """Makes kernels, each in a folder of its own."""

    def __init__(
        self,
        sources: Sources,
        sandbox: Sandbox,
        settings: MakerSettings,
        echo: BinaryIO | None = None,
    ) -> None:
        """Make kernels in a sandbox; `echo` gets each log as it grows."""
        self._sources = sources
        self._sandbox = sandbox
        self._settings = settings
        self._echo = echo

    async def make(self, order: BuildOrder, folder: Path) -> RunOutcome:
        """Build one kernel, and leave its artifacts in the folder.

        Raises `CannotRun` if the build cannot begin.
        """
        definition = order.definition
        _check(definition)
        fetched = await self._sources.fetch({TARBALL: order.tarball})
        (folder / "box").mkdir()
        build_folder = BuildFolder(folder / "box")
        mounts = self._mounts(build_folder, order)
        log_file, sources = folder / LOG_NAME, build_folder.path / "src"
        max_bytes = self._settings.max_log
        with BuildLog(log_file, max_bytes, sources, self._echo) as build_log:
            jobs = self._settings.make_jobs or len(os.sched_getaffinity(0))
            environment = BuildEnvironment(self._sandbox, mounts, jobs)
            build = Build(definition, environment, build_folder, build_log)
            outcome = await _run(build, definition, fetched[TARBALL], build_log)
        return await _complete(order, outcome, build, folder)

    def _mounts(self, folder: BuildFolder, order: BuildOrder) -> Mounts:
        """Give all builds one ccache, which patches of strangers may only read."""
        cache = self._settings.ccache
        if cache is None or shutil.which("ccache") is None:
            return Mounts(folder.path)
        cache.mkdir(parents=True, exist_ok=True)
        return Mounts(folder.path, cache.resolve(), not order.is_patched)


def _check(definition: BuildDefinition) -> None:
    """Raise `CannotRun` unless such a kernel could be built here."""
    if definition.arch not in rules.ARCHES:
        arches = ", ".join(rules.ARCHES)
        raise BadJob(
            f"data.definition.arch: unknown {definition.arch!r}; use one of {arches}"
        )
    if not rules.DEFCONFIG.fullmatch(definition.defconfig):
        raise BadJob(
            "data.definition.defconfig: not a name that ends in `config`: "
            f"{definition.defconfig!r}"
        )
    for tool in ("make", rules.compiler_of(definition, platform.machine())):
        if shutil.which(tool) is None:
            raise CannotRun(f"the program {tool} is not installed: install it")


async def _run(
    build: Build, definition: BuildDefinition, tarball: Path, build_log: BuildLog
) -> RunOutcome:
    try:
        async with asyncio.timeout(definition.timeout):
            await build.run(tarball)
    except TimeoutError:
        reason = f"over {definition.timeout:g} s"
        build_log.note(f"the build was stopped: {reason}")
        return RunOutcome(Result.INCOMPLETE, ErrorCode.NODE_TIMEOUT, reason)
    except BrokenKernel as broken:
        if shutil.disk_usage(build_log.path.parent).free < DISK_FULL_BYTES:
            code = ErrorCode.INFRASTRUCTURE
            return RunOutcome(Result.INCOMPLETE, code, "the disk is full")
        return RunOutcome(Result.FAIL, None, str(broken))
    except CannotRun as error:
        return RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    return RunOutcome(Result.PASS)


async def _complete(
    order: BuildOrder, outcome: RunOutcome, build: Build, folder: Path
) -> RunOutcome:
    """Add artifacts and facts; a broken kernel has a configuration, too."""
    files = await build.collect(folder / "artifacts")
    if outcome.result is Result.PASS and build.needed - files.keys():
        outcome = RunOutcome(Result.FAIL, None, "make left no kernel image")
    metadata = await _metadata(order, build, files)
    metadata_file = folder / "metadata.json"
    text = json.dumps({**metadata, "result": outcome.result}, indent=2)
    metadata_file.write_text(text)
    log.info("built", result=outcome.result, reason=outcome.error_msg)
    facts = BuildFacts(
        compiler_version=metadata["compiler_version"],
        config_missing=build.facts.missing,
        duration=round(sum(build.facts.seconds.values())),
        kernel_release=build.facts.release,
    )
    return RunOutcome(
        outcome.result,
        outcome.error_code,
        outcome.error_msg,
        files={**files, "metadata": metadata_file, BUILD_LOG: folder / LOG_NAME},
        needed=frozenset(files) if outcome.result is Result.PASS else frozenset(),
        data=facts.model_dump(),
    )


async def _metadata(
    order: BuildOrder, build: Build, files: dict[str, Path]
) -> dict[str, Any]:
    """Return the content of metadata.json."""
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
