# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration as a whole, with the indexes that make planning cheap.

The dependency tree that `needs` draws is the tree of results.
"""

from collections.abc import Iterator
from functools import cached_property

from kci_shared.config.builds import Build, Fragment
from kci_shared.config.candidate import BUILD, Built
from kci_shared.config.entries import Lab, Platform, Rootfs, Section, Tree
from kci_shared.config.placement import Places
from kci_shared.config.tests import Template, Test
from kci_shared.config.values import Name
from kci_shared.models.definition import Word

CHECKOUT = "checkout"
"""In `needs`: the sources themselves, without any build."""


class Config(Section):
    """All of it, with what follows from it."""

    trees: dict[Name, Tree] = {}
    fragments: dict[Word, Fragment] = {}
    builds: dict[Name, Build] = {}
    rootfs: dict[Name, Rootfs] = {}
    templates: dict[Name, Template] = {}
    tests: dict[Name, Test] = {}
    platforms: dict[Name, Platform] = {}
    labs: dict[Name, Lab] = {}

    def matrix(self) -> Iterator[Built]:
        """List every build of every entry; entries may share builds."""
        for entry, build in self.builds.items():
            yield from build.matrix(entry)

    @cached_property
    def built(self) -> dict[str, list[Built]]:
        """By its node's name each build, with every entry that it is of."""
        found: dict[str, list[Built]] = {}
        for built in self.matrix():
            found.setdefault(built.name, []).append(built)
        return found

    @cached_property
    def followers(self) -> dict[str, list[str]]:
        """The tests that need a thing, by its name."""
        found: dict[str, list[str]] = {}
        for name, test in self.tests.items():
            for need in test.needs:
                found.setdefault(need, []).append(name)
        return found

    @cached_property
    def places(self) -> Places:
        """Where each test may run."""
        return Places(self)

    def line(self, name: str) -> list[str]:
        """Return a test with all that it hangs below, build or checkout last."""
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

    def builds_below(self, name: str) -> Iterator[Built]:
        """List the builds that a test hangs below, one way or another."""
        root = self.line(name)[-1]
        if build := self.builds.get(root.removeprefix(BUILD)):
            yield from build.matrix(root.removeprefix(BUILD))
