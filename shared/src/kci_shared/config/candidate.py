# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rules judge, whether they hold, and why."""

from dataclasses import dataclass

from kci_shared.models import Revision

BUILD = "build/"
"""What the names of builds start with: `build/<compiler>/<arch>/<config>`."""


@dataclass(frozen=True)
class Built:
    """One build of a matrix."""

    entry: str
    compiler: str
    arch: str
    config: str
    fragments: tuple[str, ...] = ()

    @property
    def config_full(self) -> str:
        """What it starts from, with all that is merged into it."""
        return "+".join([self.config, *self.fragments])

    @property
    def name(self) -> str:
        """The name of its node."""
        return f"{BUILD}{self.compiler}/{self.arch}/{self.config_full}"


@dataclass(frozen=True)
class Verdict:
    """One rule of the configuration on one thing that might be built or run."""

    rule: str
    """Where it is written, such as `the test's when.tree`."""
    holds: bool
    why: str

    def within(self, owner: str) -> "Verdict":
        """Return the same verdict, with whose rule it is."""
        return Verdict(f"{owner}.{self.rule}", self.holds, self.why)


@dataclass(frozen=True)
class Candidate:
    """What rules judge: a revision, and how it is built if it is."""

    revision: Revision
    arch: str | None = None
    compiler: str | None = None
    config: str | None = None
    fragments: tuple[str, ...] | None = None
    any_kernel: bool = False
    """Rules about the kernel's version are left aside."""

    @classmethod
    def of(cls, revision: Revision, built: Built | None) -> "Candidate":
        """Judge a build of a revision, or its sources alone."""
        if built is None:
            return cls(revision)
        made = (built.arch, built.compiler, built.config, built.fragments)
        return cls(revision, *made)
