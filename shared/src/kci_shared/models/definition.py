# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab or a builder is asked to do: `data.definition` of a job or a kbuild."""

from collections import Counter
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+=-]*$", max_length=200)]


class TestStep(BaseModel):
    """One command on the booted system; TAP lines in its output are subtests."""

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
    """URLs by what they are: kernel, ramdisk, nfsroot, modules, dtbs, ...; a test of
    the sources alone has a tarball instead of a kernel."""
    tests: list[TestStep] = []
    timeout: Annotated[float, Field(gt=0, le=86400)] = 600
    """Of the whole run on the device, in seconds."""
    template: str | None = None
    """What sort of test it is, for bridges that know by themselves how to run it."""
    params: dict[str, Any] = {}
    """Of the test, of the platform and of the lab: what the bridge may make use of."""
    device: dict[str, Any] = {}
    """What is known of the platform: boot, mach, dtb, compatible."""

    @field_validator("tests")
    @classmethod
    def _are_told_apart(cls, tests: list[TestStep]) -> list[TestStep]:
        """Refuse two tests of one name: one verdict would be taken for both."""
        for name, count in Counter(test.id for test in tests).items():
            if count > 1:
                raise ValueError(f"{count} tests have the id {name}; rename one")
        return tests


class BuildDefinition(BaseModel):
    """A kernel to build, from the artifact `tarball` of the checkout above it.

    The base configuration is made first (`make <defconfig>`); then the fragments are
    merged into it, in their order, each as it stands.
    """

    model_config = ConfigDict(extra="forbid")

    arch: Word
    """As the configuration says it: x86_64, arm64, arm, i386, riscv, ..."""
    compiler: Word
    """With its version, such as gcc-12 or clang-19."""
    defconfig: Word
    """A target of make: defconfig, tinyconfig, multi_v7_defconfig, ..."""
    fragments: dict[Word, Annotated[str, Field(max_length=100_000)]] = {}
    """Lines of kernel configuration by the fragment's name."""
    targets: list[Word] = []
    """What is wanted (kernel, modules, dtbs, kselftest); empty: what the arch has."""
    variables: dict[Word, Annotated[str, Field(max_length=1000)]] = {}
    """For make, such as `LLVM: "1"`."""
    image: Annotated[str, Field(max_length=500)] | None = None
    """The container to build in, if builds run in containers."""
    timeout: Annotated[float, Field(gt=0, le=86400)] = 3600
    """Of the whole build, in seconds."""
