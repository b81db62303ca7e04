# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds: a matrix of compilers, architectures and configurations."""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from kci_shared.config.candidate import Built
from kci_shared.config.entries import Priority, Retry, Section
from kci_shared.config.values import Name, Names, Period, Seconds
from kci_shared.config.when import When
from kci_shared.models import BuildDefinition
from kci_shared.models.definition import Word

BUILDER = "builder"
"""The default runtime of builds."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _lines(value: Any) -> Any:
    return "\n".join(value) if isinstance(value, list) else value


Fragment = Annotated[str, BeforeValidator(_lines), Field(max_length=100_000)]
"""Lines of kernel configuration."""
Configs = Annotated[list[Word], BeforeValidator(_listed), Field(min_length=1)]


class Build(Section):
    """A matrix of builds: each compiler, each architecture, each configuration."""

    external: bool = False
    """Others make these builds; their nodes arrive by the API."""
    compiler: Names
    arch: dict[Name, Configs]
    fragments: list[Word] = []
    """Names, or single lines such as CONFIG_KASAN=y, merged in this order."""
    targets: list[Word] = []
    variables: dict[Word, str] = {}
    image: str | None = None
    """The container to build in, where builds run in containers."""
    run: Name = BUILDER
    when: When = When()
    retry: Retry = Retry()
    timeout: Seconds = 3600
    """Time limit of the build itself, in seconds."""
    queue: Period = 86400
    """How long it may wait for a builder, in seconds."""
    priority: Priority = Priority.MEDIUM

    def matrix(self, entry: str) -> Iterator[Built]:
        """List all builds of the matrix."""
        for arch, configs in self.arch.items():
            for compiler in self.compiler:
                for config in configs:
                    yield Built(entry, compiler, arch, config, tuple(self.fragments))

    def definition(self, built: Built, texts: dict[str, str]) -> BuildDefinition:
        """Return the definition for the builder."""
        return BuildDefinition(
            arch=built.arch,
            compiler=built.compiler,
            defconfig=built.config,
            fragments={name: texts.get(name, name) for name in built.fragments},
            targets=self.targets,
            variables=self.variables,
            image=self.image,
            timeout=self.timeout,
        )


def identity(definition: BuildDefinition, sources: str = "") -> str:
    """Return a hash of definition and sources: equal builds are made once."""
    made_of = definition.model_dump(exclude={"timeout", "image"})
    # the order of fragments matters, and that of all else does not
    made_of["fragments"] = [*definition.fragments.items()]
    text = json.dumps([sources, made_of], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
