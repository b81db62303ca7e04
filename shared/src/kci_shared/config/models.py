# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration: trees, builds, tests, platforms and labs.

The dependency tree that `needs` draws is the tree of results.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kci_shared.config.values import BranchName, Name, Names, Period, Seconds, Words
from kci_shared.config.when import When
from kci_shared.models import TestStep

BUILD = "build/"
"""What the names of builds start with: `build/<compiler>/<arch>/<config>`."""
ANY = "any"
"""In `on`: the platform says it, whatever it says."""


class Priority(StrEnum):
    """How urgent a run is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Need(StrEnum):
    """What a node must have come to for what needs it."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    DONE = "done"
    AVAILABLE = "available"


def _needed(value: Any) -> Any:
    """Bring `boot`, `[boot, login]` and `{boot: done}` into the form of the last."""
    if isinstance(value, str):
        return {value: Need.PASS}
    if not isinstance(value, list):
        return value
    needs: dict[str, Any] = {}
    for item in value:
        more = item if isinstance(item, dict) else {item: Need.PASS}
        if twice := needs.keys() & more.keys():
            raise ValueError(f"'{twice.pop()}' stands here twice")
        needs |= more
    return needs


Needs = Annotated[dict[str, Need], BeforeValidator(_needed), Field(min_length=1)]


class Section(BaseModel):
    """An entry that knows all of its keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Build(Section):
    """A matrix of builds: each compiler with each configuration of each arch."""

    external: bool = False
    """Somebody else builds it; its nodes arrive by the API."""
    compiler: Names
    arch: dict[Name, Names]


class Built(NamedTuple):
    """One build of a matrix."""

    entry: str
    compiler: str
    arch: str
    config: str

    @property
    def name(self) -> str:
        """The name of its node."""
        return f"{BUILD}{self.compiler}/{self.arch}/{self.config}"


class Retry(Section):
    """What is run again by itself, and how often."""

    infra: Annotated[int, Field(ge=0, le=20)] = 0
    """When the lab failed: nothing is known of the kernel then."""


class Test(Section):
    """What is run on a platform, and after what; without steps it only boots."""

    __test__ = False  # pytest shall not collect it

    needs: Needs
    when: When = When()
    on: dict[str, Words] = {}
    """What the platform must be: attribute and values, or `any`."""
    retry: Retry = Retry()
    timeout: Seconds = 600
    """Of the run on the device."""
    priority: Priority = Priority.MEDIUM
    steps: list[TestStep] = []

    @property
    def first_need(self) -> str:
        """What the job hangs below."""
        return next(iter(self.needs))


class Platform(Section):
    """A type of device."""

    arch: Name
    boot: str | None = None
    mach: str | None = None
    dtb: str | None = None
    compatible: Words = []

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


class Lab(Section):
    """Where platforms are; its name is the runtime of its jobs."""

    type: LabType
    platforms: Names
    when: When = When()
    tests: Words = ["*"]
    """Which tests it takes, by name or pattern."""


class Config(Section):
    """All of it, with what follows from it."""

    trees: dict[Name, Tree] = {}
    builds: dict[Name, Build] = {}
    tests: dict[Name, Test] = {}
    platforms: dict[Name, Platform] = {}
    labs: dict[Name, Lab] = {}

    def matrix(self) -> Iterator[Built]:
        """List every build."""
        for entry, build in self.builds.items():
            for arch, configs in build.arch.items():
                for compiler in build.compiler:
                    for config in configs:
                        yield Built(entry, compiler, arch, config)

    @cached_property
    def built(self) -> dict[str, Built]:
        """Every build by its node's name."""
        return {built.name: built for built in self.matrix()}

    @cached_property
    def followers(self) -> dict[str, list[str]]:
        """The tests that need a thing, by its name."""
        found: dict[str, list[str]] = {}
        for name, test in self.tests.items():
            for need in test.needs:
                found.setdefault(need, []).append(name)
        return found

    def line(self, name: str) -> list[str]:
        """Return a test or build with all that it hangs below, the build last."""
        line = [name]
        while (test := self.tests.get(line[-1])) is not None:
            line.append(test.first_need)
        return line

    def needed_for(self, name: str) -> set[str]:
        """Return all that a test needs, and what that needs in turn."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            test = self.tests.get(ahead.pop())
            fresh = set(test.needs) - found if test else set()
            found |= fresh
            ahead += fresh
        return found
