# SPDX-License-Identifier: LGPL-2.1-or-later
"""Entries of the configuration: trees, root file systems, platforms, labs."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kci_shared.config.values import BranchName, Name, Names, Period, Words
from kci_shared.config.when import When

Params = dict[Name, str | int | float | bool | list[str]]
"""Parameters for bridges and steps."""


class Section(BaseModel):
    """Base of all entries: no unknown keys, and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Priority(StrEnum):
    """How urgent a run is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Retry(Section):
    """How often a run is retried automatically."""

    infra: Annotated[int, Field(ge=0, le=20)] = 0
    """After a failure of the lab or the builder."""
    fail: Annotated[int, Field(ge=0, le=20)] = 0
    """After a failure of the kernel, to find flaky tests."""


class Branch(Section):
    """A watched branch."""

    priority: Priority | None = None
    """Replaces the priority of all builds and tests on this branch."""
    arch: Names | None = None
    """Build only these architectures; becomes `data.architecture_filter`."""
    every: Period | None = None
    """Minimum time between two checkouts; without it each new commit gets one."""


class Tree(Section):
    """A git tree and its watched branches."""

    url: Annotated[str, Field(pattern=r"^(https?|git|ssh|file)://[^\s-]\S*$")]
    branches: dict[BranchName, Branch] = {}
    every: Period | None = None
    """Default for its branches."""


class Rootfs(Section):
    """URLs of a root file system; `{{arch}}` etc. stand for the architecture."""

    ramdisk: str | None = None
    nfsroot: str | None = None


class Platform(Section):
    """A type of device."""

    arch: Words = []
    """Architectures of the kernels that it boots; empty: all."""
    boot: str | None = None
    mach: str | None = None
    dtb: str | None = None
    compatible: Words = []
    tags: Words = []
    """Free words, for `on`."""
    when: When = When()
    """Excludes kernels that it cannot boot."""
    params: Params = {}

    def values_of(self, attribute: str) -> list[str]:
        """Return the values of an attribute of the platform."""
        value: str | list[str] | None = getattr(self, attribute)
        return [value] if isinstance(value, str) else value or []


class LabType(StrEnum):
    """The kind of bridge that runs the jobs of a lab."""

    LABGRID = "labgrid"
    LAVA = "lava"
    KUBERNETES = "kubernetes"
    LOCAL = "local"
    PULL = "pull"


class LabPlatform(Section):
    """Settings of a platform in one lab."""

    tests: Words | None = None
    """Replaces the lab's own `tests` for this platform."""
    params: Params = {}
    """For the lab's bridge, such as LAVA's `device_type` or labgrid's `places`."""


def _by_name(value: Any) -> Any:
    if isinstance(value, str):
        return {value: {}}
    if not isinstance(value, list):
        return value
    return {name: {} for name in value}


class Lab(Section):
    """A lab with its platforms; its name is the runtime of its jobs."""

    type: LabType
    platforms: Annotated[dict[Name, LabPlatform | None], BeforeValidator(_by_name)] = {}
    when: When = When()
    tests: Words = ["*"]
    """Tests that it accepts, by name or pattern; `!` in front excludes."""
    priority: tuple[int, int] = (0, 100)
    """The part of its own priorities that the lab gives us; for its bridge."""
    queue: Annotated[int, Field(gt=0)] | None = None
    """How many jobs its bridge may submit at a time; for its bridge."""
    url: str | None = None
    callback_token: Name | None = None
    """Name of the token that the lab sends in callbacks, never the token itself."""
    contact: str | None = None

    def tests_on(self, platform: str) -> list[str]:
        """Return the patterns of the tests that it accepts on a platform."""
        own = self.platforms[platform]
        return self.tests if own is None or own.tests is None else own.tests
