# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration as a whole, with the indexes that make planning cheap.

The dependency tree that `needs` draws is the tree of results.
"""

from collections.abc import Iterator
from functools import cached_property

from kci_shared.config.builds import Build, Fragment
from kci_shared.config.candidate import BUILD, Built
from kci_shared.config.entries import Lab, Platform, Rootfs, Section, Tree
from kci_shared.config.tests import Template, Test
from kci_shared.config.values import Name
from kci_shared.models.definition import Word

CHECKOUT = "checkout"
"""In `needs`: the sources themselves, without any build."""


class Config(Section):
    """All sections, with indexes over them."""

    trees: dict[Name, Tree] = {}
    fragments: dict[Word, Fragment] = {}
    builds: dict[Name, Build] = {}
    rootfs: dict[Name, Rootfs] = {}
    templates: dict[Name, Template] = {}
    tests: dict[Name, Test] = {}
    platforms: dict[Name, Platform] = {}
    labs: dict[Name, Lab] = {}

    def matrix(self) -> Iterator[Built]:
        """List every build of every entry; two entries may have the same build."""
        for entry, build in self.builds.items():
            yield from build.matrix(entry)

    @cached_property
    def built(self) -> dict[str, list[Built]]:
        """The builds by their nodes' names; several entries may have the same one."""
        found: dict[str, list[Built]] = {}
        for built in self.matrix():
            found.setdefault(built.name, []).append(built)
        return found

    @cached_property
    def followers(self) -> dict[str, list[str]]:
        """The names of the tests that need a test, a build or the checkout."""
        found: dict[str, list[str]] = {}
        for name, test in self.tests.items():
            for need in test.needs:
                found.setdefault(need, []).append(name)
        return found

    def line(self, name: str) -> list[str]:
        """Return a test, its first need, the first need of that, and so on."""
        line = [name]
        while (test := self.tests.get(line[-1])) is not None:
            line.append(test.first_need)
        return line

    def needed_for(self, name: str) -> set[str]:
        """Return all that a test needs, directly and indirectly."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            test = self.tests.get(ahead.pop())
            fresh = set(test.needs) - found if test else set()
            found |= fresh
            ahead += fresh
        return found

    def builds_below(self, name: str) -> Iterator[Built]:
        """List the builds at the end of a test's line."""
        root = self.line(name)[-1]
        if build := self.builds.get(root.removeprefix(BUILD)):
            yield from build.matrix(root.removeprefix(BUILD))
