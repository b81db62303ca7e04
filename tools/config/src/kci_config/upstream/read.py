# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of KernelCI's pipeline as one mapping: lists joined, mappings merged."""

from collections.abc import Generator, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, ScalarNode

from kci_config.upstream.report import Category, Report
from kci_shared.config.source import files
from kci_shared.errors import ConfigError

SECTIONS = {
    "build_configs",
    "fragments",
    "jobs",
    "platforms",
    "rootfs",
    "runtimes",
    "scheduler",
    "trees",
    "device_types",
}
OTHERS = {
    "_anchors",
    "api",
    "api_configs",
    "storage",
    "storage_configs",
    "build_environments",
    "build_variants",
    "file_system_types",
    "file_systems",
}
"""Sections that have no counterpart here, or that only older files have."""
MAX_BYTES = 10 * 2**20

Entry = dict[str, Any]


@dataclass
class Upstream:
    """The content of the files by section, and the line of each entry."""

    sections: dict[str, Entry] = field(default_factory=dict)
    scheduler: list[Entry] = field(default_factory=list)
    lines: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, report: Report) -> "Upstream":
        """Read every YAML file below a folder; report what is defined twice."""
        upstream = cls()
        paths = files(folder)
        if not paths:
            raise ConfigError(f"{folder}: no YAML files in it; name another folder")
        for file in paths:
            upstream._add(file, folder, report)
        return upstream

    def entries(self, section: str) -> Iterator[tuple[str, Entry]]:
        """List the entries of a section; a null is an empty entry."""
        for name, entry in self.sections.get(section, {}).items():
            if entry is None or isinstance(entry, dict):
                yield str(name), entry or {}

    def where(self, entry: Entry) -> str:
        """Return file and line of an entry."""
        return self.lines.get(id(entry), "?")

    def _add(self, file: Path, folder: Path, report: Report) -> None:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{file}: larger than {MAX_BYTES} bytes; split it")
        try:
            loader = Loader(file.read_text(encoding="utf-8"))
            loader.file = str(file.relative_to(folder))
            loader.lines, loader.report = self.lines, report
            top = loader.get_single_data()
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"{file}: not YAML: {error}") from error
        for section, value in (top if isinstance(top, dict) else {}).items():
            if section == "scheduler" and isinstance(value, list):
                self.scheduler += [one for one in value if isinstance(one, dict)]
            elif section in SECTIONS and isinstance(value, dict):
                self._merge(section, value, loader.file, report)
            elif section not in OTHERS and value is not None:
                what = f"unknown section '{section}'"
                report.add(Category.LEFT_OUT, what, loader.file)

    def _merge(self, section: str, value: Entry, file: str, report: Report) -> None:
        entries = self.sections.setdefault(
            "platforms" if section == "device_types" else section, {}
        )
        for name in entries.keys() & value.keys():
            what = f"{section}.{name} is defined in two files; the later one counts"
            report.add(Category.BROKEN, what, file)
        entries.update(value)


class Loader(yaml.CSafeLoader):
    """Plain YAML with anchors; keeps lines, and reports duplicate keys."""

    file: str
    lines: dict[int, str]
    report: Report

    def construct_yaml_map(self, node: MappingNode) -> Generator[Entry]:
        """Build a mapping, and note its line."""
        entry: Entry = {}
        place = f"{self.file}:{node.start_mark.line + 1}"
        self.lines[id(entry)] = place
        yield entry
        keys = [key.value for key, _ in node.value if isinstance(key, ScalarNode)]
        for key in {key for key in keys if keys.count(key) > 1 and key != "<<"}:
            what = f"duplicate key '{key}'; the later one counts"
            self.report.add(Category.BROKEN, what, place)
        content: dict[Hashable, Any] = self.construct_mapping(node)
        entry.update({str(key): value for key, value in content.items()})


Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_yaml_map)
