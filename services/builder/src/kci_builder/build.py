# SPDX-License-Identifier: LGPL-2.1-or-later
"""One build: unpack, configure, make, and what it leaves."""

import asyncio
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from kci_builder import rules
from kci_builder.build_folder import Box
from kci_builder.log import BuildLog
from kci_builder.sandbox import Place, Sandbox
from kci_shared.models import BuildDefinition
from kci_shared.work import CannotRun

SOURCES = "sources.tar.gz"


class BrokenKernel(Exception):
    """The sources cannot be configured or compiled; says the first error."""


@dataclass(frozen=True)
class Means:
    """What a build is done with."""

    sandbox: Sandbox
    place: Place
    make_jobs: int

    @property
    def has_ccache(self) -> bool:
        """Say whether results of other builds may be used."""
        return self.place.shared is not None


@dataclass
class Facts:
    """What came to be known of a build."""

    seconds: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Options that were asked for and did not stick."""
    targets: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    release: str = ""


class Build:
    """A kernel that is being built in a box."""

    def __init__(
        self, definition: BuildDefinition, means: Means, box: Box, log: BuildLog
    ) -> None:
        self._definition = definition
        self._means = means
        self._box = box
        self._log = log
        self._arch = rules.ARCHES[definition.arch]
        self.facts = Facts(
            variables=rules.variables(
                definition, platform.machine(), ccache=means.has_ccache
            )
        )

    @property
    def wants_kernel(self) -> frozenset[str]:
        """Name the artifact without which a kernel that was to be built is none."""
        is_wanted = self._arch.target in self.facts.targets
        return frozenset({"kernel"} if is_wanted else ())

    async def run(self, tarball: Path) -> None:
        """Build all that is wanted; raises `BrokenKernel`, or `CannotRun`."""
        await self._unpack(tarball)
        config = await self._configure()
        has_dts = self._box.has_folder(f"src/arch/{self._arch.folder}/boot/dts")
        self.facts.targets = rules.targets(self._definition, config, has_dts=has_dts)
        await self._make("build", "--keep-going", *self.facts.targets)
        self.facts.release = self._box.text("out/include/config/kernel.release").strip()
        if "modules" in self.facts.targets:
            where = f"INSTALL_MOD_PATH={self._box.folder}/modules"
            await self._make("modules", where, "INSTALL_MOD_STRIP=1", "modules_install")
            await self._pack("modules")
        if "dtbs" in self.facts.targets:
            where = f"INSTALL_DTBS_PATH={self._box.folder}/dtbs"
            await self._make("dtbs", where, "dtbs_install")
            await self._pack("dtbs")

    async def _unpack(self, tarball: Path) -> None:
        """Unpack inside the box: wherever a path in the tarball leads, it is there."""
        link = self._box.folder / SOURCES
        os.link(tarball, link)
        try:
            for folder in ("src", "out"):
                (self._box.folder / folder).mkdir()
            words = ["tar", "--no-same-owner", "--strip-components=1"]
            if await self._do("unpack", *words, "-C", "src", "-xzf", SOURCES):
                raise CannotRun(f"the tarball cannot be unpacked: {self._log.last()}")
        finally:
            link.unlink()  # before anything of the sources runs, which could write it

    async def _configure(self) -> dict[str, str]:
        """Make the configuration: a base, fragments on top; return what came of it."""
        fragments = list(self._definition.fragments.values())
        await self._make("config", self._definition.defconfig)
        if fragments:
            text = rules.merged(self._box.text("out/.config"), fragments)
            await self._do("config", "cp", self._box.put(text), "out/.config")
            await self._make("config", "olddefconfig")
        config = rules.options(self._box.text("out/.config").splitlines())
        self.facts.missing = rules.not_kept(fragments, config)
        for line in self.facts.missing:
            self._log.say(f"warning: not in the final configuration: {line}")
        return config

    async def _make(self, step: str, *words: str) -> None:
        """Run make; tell by its log who is at fault when it fails."""
        said = [f"{name}={value}" for name, value in self.facts.variables.items()]
        where = ("-C", "src", f"O={self._box.folder}/out")
        jobs = f"-j{self._means.make_jobs}"
        if await self._do(step, "make", *where, jobs, *said, *words):
            end = self._log.end()
            if reason := rules.builders_fault(end):
                raise CannotRun(f"make: {reason}")
            raise BrokenKernel(rules.first_error(end) or f"make {words[-1]} failed")

    async def _pack(self, name: str) -> None:
        words = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]
        if await self._do(name, *words, "-czf", f"{name}.tar.gz", name):
            raise CannotRun(f"tar: {self._log.last()}")

    async def _do(self, step: str, *command: str) -> int:
        """Run a program in the box, and note what it took."""
        self._log.say(f"+ {' '.join(command)}")
        begin, place = time.monotonic(), self._means.place
        try:
            return await self._means.sandbox.run(
                list(command), place, self._log.hear, **self._cache_variables()
            )
        finally:
            spent = self.facts.seconds.get(step, 0) + time.monotonic() - begin
            self.facts.seconds[step] = round(spent, 1)

    def _cache_variables(self) -> dict[str, str]:
        place = self._means.place
        if place.shared is None:
            return {}
        only = {} if place.may_write_shared else {"CCACHE_READONLY": "1"}
        return {
            "CCACHE_DIR": str(place.shared),
            "CCACHE_BASEDIR": str(place.folder),
            "CCACHE_NOHASHDIR": "1",
            **only,
        }

    async def compiler_version(self) -> str:
        """Return what the compiler says of itself."""
        heard: list[bytes] = []
        command = [rules.compiler_of(self._definition, platform.machine()), "--version"]
        await self._means.sandbox.run(command, self._means.place, heard.append)
        return b"".join(heard).decode(errors="replace").partition("\n")[0][:200]

    async def collect(self, folder: Path) -> dict[str, Path]:
        """Take out of the box what it left: files by what they are."""
        folder.mkdir()
        image = f"out/{self._arch.image}"
        wanted = {
            "kernel": (image, Path(image).name),
            "_config": ("out/.config", "config"),
            "system_map": ("out/System.map", "System.map"),
            "modules": ("modules.tar.gz", "modules.tar.gz"),
            "dtbs": ("dtbs.tar.gz", "dtbs.tar.gz"),
        }
        taken = {
            name: await asyncio.to_thread(self._box.take, path, folder / target)
            for name, (path, target) in wanted.items()
        }
        return {name: path for name, path in taken.items() if path is not None}
