# SPDX-License-Identifier: LGPL-2.1-or-later
"""What trees, platforms and labs may say, and what all entries have in common."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kci_shared.config.values import BranchName, Name, Names, Period, Words
from kci_shared.config.when import When

Params = dict[Name, str | int | float | bool | list[str]]
"""What an entry hands on to whoever runs it."""


class Section(BaseModel):
    """An entry that knows all of its keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Priority(StrEnum):
    """How urgent a run is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Retry(Section):
    """What is run again by itself, and how often."""

    infra: Annotated[int, Field(ge=0, le=20)] = 0
    """When the lab or the builder failed: nothing is known of the kernel then."""
    fail: Annotated[int, Field(ge=0, le=20)] = 0
    """When the kernel failed: to tell what fails now and then."""


class Branch(Section):
    """A branch that is watched."""

    priority: Priority | None = None
    """Of all that runs on it, instead of the tests' own."""
    arch: Names | None = None
    """Which builds its checkouts want, as their `data.architecture_filter`."""
    every: Period | None = None
    """The least time between two checkouts; else each new commit gets one."""


class Tree(Section):
    """A git tree, and which of its branches are watched."""

    url: Annotated[str, Field(pattern=r"^(https?|git|ssh|file)://[^\s-]\S*$")]
    branches: dict[BranchName, Branch] = {}
    every: Period | None = None
    """Of its branches that say nothing else."""


class Rootfs(Section):
    """Where a root file system lies; `{{arch}}` and the like stand for the arch."""

    ramdisk: str | None = None
    nfsroot: str | None = None


class Platform(Section):
    """A type of device."""

    arch: Words = []
    """Of the kernels that it boots; none: of any, as what boots no kernel itself."""
    boot: str | None = None
    mach: str | None = None
    dtb: str | None = None
    compatible: Words = []
    tags: Words = []
    """Words of your own, for `on`."""
    when: When = When()
    """Kernels that it cannot boot are left out here."""
    params: Params = {}

    def says(self, attribute: str) -> list[str]:
        """Return what the platform says of itself."""
        value: str | list[str] | None = getattr(self, attribute)
        return [value] if isinstance(value, str) else value or []


class LabType(StrEnum):
    """Which bridge runs a lab's jobs."""

    LABGRID = "labgrid"
    LAVA = "lava"
    KUBERNETES = "kubernetes"
    LOCAL = "local"
    PULL = "pull"


class LabPlatform(Section):
    """A platform as a lab has it."""

    tests: Words | None = None
    """Which tests it takes, instead of what the lab says."""
    params: Params = {}
    """For the lab's bridge, such as LAVA's `device_type` or labgrid's `places`."""


def _by_name(value: Any) -> Any:
    if isinstance(value, str):
        return {value: {}}
    if not isinstance(value, list):
        return value
    return {name: {} for name in value}


class Lab(Section):
    """Where platforms are; its name is the runtime of its jobs."""

    type: LabType
    platforms: Annotated[dict[Name, LabPlatform | None], BeforeValidator(_by_name)] = {}
    when: When = When()
    tests: Words = ["*"]
    """Which tests it takes, by name or pattern; `!` in front leaves some out."""
    priority: tuple[int, int] = (0, 100)
    """The part of its own priorities that the lab gives us; for its bridge."""
    queue: Annotated[int, Field(gt=0)] | None = None
    """How many jobs its bridge may hand to the lab at a time."""
    url: str | None = None
    callback_token: Name | None = None
    """What the lab calls the token that it sends back: a name, never the token."""
    contact: str | None = None

    def tests_on(self, platform: str) -> list[str]:
        """Return the patterns of the tests that it takes on a platform."""
        there = self.platforms[platform]
        return self.tests if there is None or there.tests is None else there.tests
