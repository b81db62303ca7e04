# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a node that waits to be built to its verdict and its artifacts."""

import asyncio
import hashlib
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from kci_builder import rules
from kci_builder.box import Box
from kci_builder.build import BrokenKernel, Build, Means
from kci_builder.log import BuildLog
from kci_builder.sandbox import Place, Sandbox
from kci_builder.settings import Settings
from kci_shared.bridge import BadJob, LabError, LabJob, NoDevice, RunOutcome
from kci_shared.bridge.artifacts import Artifacts
from kci_shared.bridge.local import LocalRuns
from kci_shared.logging import get_logger
from kci_shared.models import BuildDefinition, ErrorCode, Node, Result

log = get_logger(__name__)

PLATFORM = "build"
SCARCE = 64 << 20
"""With so little disk left a failure says nothing about the kernel."""


class Nodes(Protocol):
    """What the builder asks of the API."""

    async def get(self, node_id: str) -> Node | None:
        """Return the node, or None."""
        ...


class Builder(LocalRuns):
    """Builds kernels one after the other, or as many at once as it may."""

    kind = "builder"

    def __init__(
        self, api: Nodes, artifacts: Artifacts, sandbox: Sandbox, settings: Settings
    ) -> None:
        super().__init__(PLATFORM, settings.max_jobs, self.build)
        self._api = api
        self._artifacts = artifacts
        self._sandbox = sandbox
        self._settings = settings

    async def slots(self) -> dict[str, int]:
        """Tell how many builds could start now: none while the disk is full."""
        if self._free() < self._settings.min_free:
            raise LabError(
                f"less than {self._settings.min_free} bytes of disk are free"
            )
        return await super().slots()

    def _free(self) -> int:
        return shutil.disk_usage(self._settings.cache).free

    async def build(self, job: LabJob) -> RunOutcome:
        """Build one kernel."""
        definition = read_definition(job.node)
        self._check_tools(definition)
        revision = job.node.data.kernel_revision
        is_patched = revision is not None and revision.patchset is not None
        if is_patched and not self._sandbox.is_closed:
            raise NoDevice("patches of strangers are built in a sandbox only")
        tarball = await self._fetch(job.node)
        box = Box(job.folder / "box")
        place = self._place(box, may_write=not is_patched)
        log_file, sources = job.folder / "build.log", box.folder / "src"
        with BuildLog(log_file, self._settings.max_log, sources) as build_log:
            jobs = self._settings.make_jobs or len(os.sched_getaffinity(0))
            means = Means(self._sandbox, place, jobs)
            build = Build(definition, means, box, build_log)
            outcome = await self._judge(build, definition, tarball, build_log)
        return await self._complete(job, outcome, build, build_log)

    def _place(self, box: Box, *, may_write: bool) -> Place:
        """Give builds a common cache, that patches of strangers may only read."""
        cache = self._settings.ccache
        if cache is None or shutil.which("ccache") is None:
            return Place(box.folder)
        cache.mkdir(parents=True, exist_ok=True)
        return Place(box.folder, cache.resolve(), may_write)

    def _check_tools(self, definition: BuildDefinition) -> None:
        for tool in ("make", rules.compiler_of(definition, platform.machine())):
            if shutil.which(tool) is None:
                raise LabError(f"there is no program {tool} here: install it")

    async def _fetch(self, node: Node) -> Path:
        """Fetch the sources of the checkout above."""
        checkout = await self._api.get(node.parent) if node.parent else None
        url = checkout.artifacts.get("tarball") if checkout else None
        if url is None:
            raise LabError("the checkout above has no artifact 'tarball'")
        return (await self._artifacts.fetch({"tarball": url}))["tarball"]

    async def _judge(
        self, build: Build, definition: BuildDefinition, tarball: Path, said: BuildLog
    ) -> RunOutcome:
        try:
            async with asyncio.timeout(definition.timeout):
                await build.run(tarball)
        except TimeoutError:
            reason = f"over {definition.timeout:g} s"
            said.say(f"the build was stopped: {reason}")
            return RunOutcome(Result.INCOMPLETE, ErrorCode.NODE_TIMEOUT, reason)
        except BrokenKernel as broken:
            if self._free() < SCARCE:
                code = ErrorCode.INFRASTRUCTURE
                return RunOutcome(Result.INCOMPLETE, code, "the disk is full")
            return RunOutcome(Result.FAIL, None, str(broken))
        except LabError as error:
            return RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
        return RunOutcome(Result.PASS)

    async def _complete(
        self, job: LabJob, outcome: RunOutcome, build: Build, build_log: BuildLog
    ) -> RunOutcome:
        """Add what the build left; a broken kernel has a configuration, too."""
        files = await build.collect(job.folder / "artifacts")
        if outcome.result is Result.PASS and build.wants_kernel - files.keys():
            outcome = RunOutcome(Result.FAIL, None, "make left no kernel image")
        facts = await _metadata(job.node, build, files)
        metadata = job.folder / "metadata.json"
        metadata.write_text(json.dumps({**facts, "result": outcome.result}, indent=2))
        log.info("built", result=outcome.result, reason=outcome.error_msg)
        return RunOutcome(
            outcome.result,
            outcome.error_code,
            outcome.error_msg,
            files={**files, "metadata": metadata, "build_log": build_log.path},
            needed=frozenset(files) if outcome.result is Result.PASS else frozenset(),
            data={
                "compiler_version": facts["compiler_version"],
                "config_missing": build.facts.missing,
                "duration": round(sum(build.facts.seconds.values())),
                "kernel_release": build.facts.release,
            },
        )


async def _metadata(node: Node, build: Build, files: dict[str, Path]) -> dict[str, Any]:
    """Say all that may be asked of a build later."""
    facts, revision = build.facts, node.data.kernel_revision
    return {
        "name": node.name,
        "revision": revision.model_dump(mode="json") if revision else None,
        "definition": getattr(node.data, "definition", None),
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


def read_definition(node: Node) -> BuildDefinition:
    """Return what shall be built; `BadJob` names what is wrong."""
    try:
        found = BuildDefinition.model_validate(getattr(node.data, "definition", None))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, ("data.definition", *first["loc"])))
        raise BadJob(f"{where}: {first['msg']}") from error
    if found.arch not in rules.ARCHES:
        known = ", ".join(rules.ARCHES)
        raise BadJob(f"data.definition.arch: there is no {found.arch}; {known}")
    if not rules.DEFCONFIG.fullmatch(found.defconfig):
        raise BadJob("data.definition.defconfig: name a target that ends in config")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
