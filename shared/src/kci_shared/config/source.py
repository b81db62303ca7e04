# SPDX-License-Identifier: LGPL-2.1-or-later
"""A folder of YAML files as one mapping: sections, and the names in a section."""

from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from kci_shared.problems import Location, Problem
from kci_shared.yaml_reader import Reader, scalar


def files(folder: Path) -> list[Path]:
    """List the YAML files below a folder, but hidden ones."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in {".yaml", ".yml"}
        and not any(part[0] == "." for part in file.relative_to(folder).parts)
    ]


class Source(Reader):
    """The values of all files of a folder."""

    def __init__(self, folder: Path) -> None:
        """Read every YAML file below a folder."""
        super().__init__()
        self.values: dict[str, Any] = {}
        self._locations[()] = Location(folder)
        found = files(folder)
        if not found:
            remedy = "name another folder"
            self.problems.append(
                Problem(Location(folder), "no YAML file is here", remedy)
            )
        for file in found:
            self._add(file)

    def _add(self, file: Path) -> None:
        if (top := self.compose(file)) is not None:
            for key, value in top.value:
                self._add_section(key, value)

    def _add_section(self, key: Node, value: Node) -> None:
        """Merge a section into that of the files before."""
        if isinstance(value, ScalarNode) and scalar(value) is None:
            return
        if not isinstance(key, ScalarNode) or not isinstance(value, MappingNode):
            self.complain_at(key.start_mark, "not a section", "write names below it")
            return
        self.locate((key.value,), key.start_mark)
        self.merge(value, (key.value,), self.values.setdefault(key.value, {}))
