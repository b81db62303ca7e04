# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rules of a configuration are applied to, and the result of each."""

from dataclasses import dataclass

from kci_shared.models import Revision

BUILD = "build/"
"""Prefix of the names of builds: `build/<compiler>/<arch>/<config>`."""


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
        """The configuration with all fragments, joined by `+`."""
        return "+".join([self.config, *self.fragments])

    @property
    def name(self) -> str:
        """The name of its node."""
        return f"{BUILD}{self.compiler}/{self.arch}/{self.config_full}"


@dataclass(frozen=True)
class Ruling:
    """Whether one rule allows a build or a run, and why."""

    rule: str
    """Where the rule is written, such as `the test's when.tree`."""
    holds: bool
    why: str

    def within(self, owner: str) -> "Ruling":
        """Return the same ruling, with the owner of the rule before its name."""
        return Ruling(f"{owner}.{self.rule}", self.holds, self.why)


@dataclass(frozen=True)
class Candidate:
    """A revision and, unless it is about the sources alone, how it is built."""

    revision: Revision
    arch: str | None = None
    compiler: str | None = None
    config: str | None = None
    fragments: tuple[str, ...] | None = None
    any_kernel: bool = False
    """Ignore rules about the kernel's version."""

    @classmethod
    def of(cls, revision: Revision, built: Built | None) -> "Candidate":
        """Return a build of a revision, or its sources alone."""
        if built is None:
            return cls(revision)
        made = (built.arch, built.compiler, built.config, built.fragments)
        return cls(revision, *made)
