# SPDX-License-Identifier: LGPL-2.1-or-later
"""One build: unpack, configure, make, collect the artifacts."""

import asyncio
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from kci_builder import kconfig, rules
from kci_builder.build_folder import BuildFolder
from kci_builder.build_log import BuildLog
from kci_builder.sandbox import Mounts, Sandbox
from kci_builder.verdicts import machine_fault
from kci_shared.models import BuildDefinition
from kci_shared.rules.artifacts import CONFIG, KERNEL
from kci_shared.rules.builds import first_error
from kci_shared.work import CannotRun

SOURCES = "sources.tar.gz"
MAX_VERSION_CHARS = 200


class BrokenKernel(Exception):
    """The sources cannot be configured or compiled; the message is the first error."""


@dataclass(frozen=True)
class BuildEnvironment:
    """Where a build runs, and how much of the machine it uses."""

    sandbox: Sandbox
    mounts: Mounts
    make_jobs: int

    @property
    def has_ccache(self) -> bool:
        """Whether the objects of other builds are used."""
        return self.mounts.shared is not None


@dataclass
class Facts:
    """Facts that are found while building."""

    seconds: dict[str, float] = field(default_factory=dict)
    """The time that each step took."""
    missing: list[str] = field(default_factory=list)
    """Requested options that are not in the final configuration."""
    targets: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    release: str = ""


class Build:
    """A kernel that is being built."""

    def __init__(
        self,
        definition: BuildDefinition,
        environment: BuildEnvironment,
        folder: BuildFolder,
        log: BuildLog,
    ) -> None:
        self._definition = definition
        self._environment = environment
        self._folder = folder
        self._log = log
        self._arch = rules.ARCHES[definition.arch]
        self.facts = Facts(
            variables=rules.variables(
                definition, platform.machine(), ccache=environment.has_ccache
            )
        )

    @property
    def needed(self) -> frozenset[str]:
        """The artifacts without which the build has failed."""
        has_kernel = self._arch.target in self.facts.targets
        return frozenset({KERNEL} if has_kernel else ())

    async def run(self, tarball: Path) -> None:
        """Build all targets; raises `BrokenKernel`, or `CannotRun`."""
        await self._unpack(tarball)
        config = await self._configure()
        has_dts = self._folder.has_folder(f"src/arch/{self._arch.folder}/boot/dts")
        self.facts.targets = rules.targets(self._definition, config, has_dts=has_dts)
        await self._make("build", "--keep-going", *self.facts.targets)
        release = self._folder.text("out/include/config/kernel.release")
        self.facts.release = release.strip()
        if "modules" in self.facts.targets:
            path = f"INSTALL_MOD_PATH={self._folder.path}/modules"
            await self._make("modules", path, "INSTALL_MOD_STRIP=1", "modules_install")
            await self._pack("modules")
        if "dtbs" in self.facts.targets:
            path = f"INSTALL_DTBS_PATH={self._folder.path}/dtbs"
            await self._make("dtbs", path, "dtbs_install")
            await self._pack("dtbs")

    async def _unpack(self, tarball: Path) -> None:
        """Unpack in the sandbox: no path of the tarball leads out of it."""
        link = self._folder.path / SOURCES
        os.link(tarball, link)
        try:
            for folder in ("src", "out"):
                (self._folder.path / folder).mkdir()
            words = ["tar", "--no-same-owner", "--strip-components=1"]
            if await self._run("unpack", *words, "-C", "src", "-xzf", SOURCES):
                reason = self._log.last_line()
                raise CannotRun(f"the tarball cannot be unpacked: {reason}")
        finally:
            link.unlink()  # before a program of the sources runs, which could write it

    async def _configure(self) -> dict[str, str]:
        """Make the base configuration, merge fragments, and return the final one."""
        fragments = list(self._definition.fragments.values())
        await self._make("config", self._definition.defconfig)
        if fragments:
            text = kconfig.merge(self._folder.text("out/.config"), fragments)
            await self._run("config", "cp", self._folder.put(text), "out/.config")
            await self._make("config", "olddefconfig")
        config = kconfig.options(self._folder.text("out/.config").splitlines())
        self.facts.missing = kconfig.missing(fragments, config)
        for line in self.facts.missing:
            self._log.note(f"warning: not in the final configuration: {line}")
        return config

    async def _make(self, step: str, *words: str) -> None:
        """Run make; if it fails, decide by its log whose fault it is."""
        variables = [f"{name}={value}" for name, value in self.facts.variables.items()]
        folders = ("-C", "src", f"O={self._folder.path}/out")
        jobs = f"-j{self._environment.make_jobs}"
        if await self._run(step, "make", *folders, jobs, *variables, *words):
            tail = self._log.tail()
            if reason := machine_fault(tail):
                raise CannotRun(f"make: {reason}")
            raise BrokenKernel(first_error(tail) or f"make {words[-1]} failed")

    async def _pack(self, name: str) -> None:
        words = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]
        if await self._run(name, *words, "-czf", f"{name}.tar.gz", name):
            raise CannotRun(f"tar: {self._log.last_line()}")

    async def _run(self, step: str, *command: str) -> int:
        """Run a program, and add its time to that of the step."""
        self._log.note(f"+ {' '.join(command)}")
        begin, environment = time.monotonic(), self._environment
        try:
            return await environment.sandbox.run(
                list(command),
                environment.mounts,
                self._log.feed,
                **self._cache_variables(),
            )
        finally:
            spent = self.facts.seconds.get(step, 0) + time.monotonic() - begin
            self.facts.seconds[step] = round(spent, 1)

    def _cache_variables(self) -> dict[str, str]:
        mounts = self._environment.mounts
        if mounts.shared is None:
            return {}
        read_only = {} if mounts.may_write_shared else {"CCACHE_READONLY": "1"}
        return {
            "CCACHE_DIR": str(mounts.shared),
            "CCACHE_BASEDIR": str(mounts.folder),
            "CCACHE_NOHASHDIR": "1",
            **read_only,
        }

    async def compiler_version(self) -> str:
        """Return the first line of the compiler's `--version`."""
        output: list[bytes] = []
        compiler = rules.compiler_of(self._definition, platform.machine())
        environment = self._environment
        await environment.sandbox.run(
            [compiler, "--version"], environment.mounts, output.append
        )
        text = b"".join(output).decode(errors="replace")
        return text.partition("\n")[0][:MAX_VERSION_CHARS]

    async def collect(self, folder: Path) -> dict[str, Path]:
        """Move the artifacts out of the build's folder; return them by name."""
        folder.mkdir()
        image = f"out/{self._arch.image}"
        sources = {
            KERNEL: (image, Path(image).name),
            CONFIG: ("out/.config", "config"),
            "system_map": ("out/System.map", "System.map"),
            "modules": ("modules.tar.gz", "modules.tar.gz"),
            "dtbs": ("dtbs.tar.gz", "dtbs.tar.gz"),
        }
        taken = {
            name: await asyncio.to_thread(self._folder.take, path, folder / target)
            for name, (path, target) in sources.items()
        }
        return {name: path for name, path in taken.items() if path is not None}
