# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which files are measured: the packages' sources, and the tests."""

import ast
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
TESTS = ("shared/tests", "services/*/tests", "tools/*/tests", "tests")


@dataclass(frozen=True)
class Source:
    """One Python file, named relative to the project."""

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file, with comments and blank ones."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """The file as Python reads it."""
        return ast.parse(self.text, self.name)

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]


@dataclass(frozen=True)
class Project:
    """The project that is measured."""

    folder: Path

    @cached_property
    def roots(self) -> list[Path]:
        """The folders that hold packages, as `pyproject.toml` tells ruff."""
        settings = tomllib.loads((self.folder / "pyproject.toml").read_text())
        patterns: list[str] = settings["tool"]["ruff"]["src"]
        return [root for pattern in patterns for root in self._glob(pattern)]

    @cached_property
    def packages(self) -> list[str]:
        """The names of the packages."""
        return sorted(
            path.parent.name
            for root in self.roots
            for path in root.glob("*/__init__.py")
        )

    @cached_property
    def sources(self) -> list[Source]:
        """The modules of the packages."""
        return [source for root in self.roots for source in self._read(root)]

    @cached_property
    def tests(self) -> list[Source]:
        """The modules of the tests, without the packages below `tests/`."""
        return [
            source
            for pattern in TESTS
            for folder in self._glob(pattern)
            for source in self._read(folder)
            if "/src/" not in source.name
        ]

    def _glob(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))

    def _read(self, folder: Path) -> list[Source]:
        return [
            Source(str(path.relative_to(self.folder)), path.read_text())
            for path in sorted(folder.rglob("*.py"))
        ]
