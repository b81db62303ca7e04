# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab or a builder has to do: `data.definition` of a job or a kbuild."""

from collections import Counter
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+=-]*$", max_length=200)]


class TestStep(BaseModel):
    """One command on the booted system; results that it prints are its subtests."""

    __test__ = False  # pytest shall not collect it

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
    run: Annotated[str, Field(max_length=4000)]
    timeout: Annotated[float, Field(gt=0, le=86400)] = 60
    """In seconds."""


class Definition(BaseModel):
    """Images to boot, then commands to run; an empty `tests` only boots."""

    model_config = ConfigDict(extra="forbid")

    artifacts: dict[str, str]
    """URLs by name: kernel, ramdisk, nfsroot, modules, dtbs, ...; a test of the sources
    alone has a tarball instead of a kernel."""
    tests: list[TestStep] = []
    timeout: Annotated[float, Field(gt=0, le=86400)] = 600
    """Of the whole run on the device, in seconds."""
    template: str | None = None
    """Type of the test, for bridges that know how to run it."""
    params: dict[str, Any] = {}
    """Parameters of the test, the platform and the lab, for the bridge."""
    device: dict[str, Any] = {}
    """Attributes of the platform: boot, mach, dtb, compatible."""

    @field_validator("tests")
    @classmethod
    def _have_different_ids(cls, tests: list[TestStep]) -> list[TestStep]:
        """Refuse two tests with one id: their results could not be told apart."""
        for name, count in Counter(test.id for test in tests).items():
            if count > 1:
                raise ValueError(f"{count} tests have the id {name}; rename one")
        return tests


class BuildDefinition(BaseModel):
    """A kernel to build, from the artifact `tarball` of the checkout above it.

    First the base configuration is made (`make <defconfig>`), then the fragments are
    merged into it, in order.
    """

    model_config = ConfigDict(extra="forbid")

    arch: Word
    """As in the configuration: x86_64, arm64, arm, i386, riscv, ..."""
    compiler: Word
    """With its version, such as gcc-12 or clang-19."""
    defconfig: Word
    """A target of make: defconfig, tinyconfig, multi_v7_defconfig, ..."""
    fragments: dict[Word, Annotated[str, Field(max_length=100_000)]] = {}
    """Lines of kernel configuration by the fragment's name."""
    targets: list[Word] = []
    """What to build (kernel, modules, dtbs, kselftest); empty: all of the arch."""
    variables: dict[Word, Annotated[str, Field(max_length=1000)]] = {}
    """For make, such as `LLVM: "1"`."""
    image: Annotated[str, Field(max_length=500)] | None = None
    """The container to build in, if builds run in containers."""
    timeout: Annotated[float, Field(gt=0, le=86400)] = 3600
    """Of the whole build, in seconds."""
