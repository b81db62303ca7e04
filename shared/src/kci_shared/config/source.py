# SPDX-License-Identifier: LGPL-2.1-or-later
"""YAML files as plain values, with the file and line of each.

It is the safe part of YAML, read by the rules of its version 1.2: only `true` and
`false` are truth values, so that `on` and `no` stay words, and keys are always text.
Aliases and tags are refused, so that nothing grows or runs while it is read.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kci_shared.config.problems import Place, Problem

Where = tuple[str | int, ...]
"""The way to a value, such as `("tests", "boot", "needs", 0)`."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PLAIN_TAG = re.compile(r"tag:yaml\.org,2002:[a-z]+")
NOTHING = {"", "~", "null"}
TRUTH = {"true": True, "false": False}
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
MAX_DEPTH = 20


def files(folder: Path) -> list[Path]:
    """List the YAML files below a folder, but hidden ones."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in {".yaml", ".yml"}
        and not any(part[0] == "." for part in file.relative_to(folder).parts)
    ]


class Source:
    """All that the files say, as one mapping: sections, and names in a section."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self._places: dict[Where, Place] = {}
        self._seen: set[int] = set()
        self._file = Path()

    @classmethod
    def read(cls, folder: Path) -> "Source":
        """Read every YAML file below a folder."""
        source = cls()
        source._places[()] = Place(folder)
        if not (found := files(folder)):
            problem = Problem(
                Place(folder), "no YAML file is here", "name another folder"
            )
            source.problems.append(problem)
        for file in found:
            source._add(file)
        return source

    def place(self, where: Where) -> Place:
        """Tell where a value stands, or the nearest thing around it."""
        known: Where = ()
        for part in where:
            if (*known, part) in self._places:
                known = (*known, part)
        return self._places[known]

    def _add(self, file: Path) -> None:
        self._file = file
        self._seen = set()
        try:
            top = yaml.compose(file.read_text(encoding="utf-8"), Loader=LOADER)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or str(error)
            self._complain(mark, f"not YAML: {what}", "check indentation and quotes")
            return
        if top is None:
            return
        if not isinstance(top, MappingNode):
            self._complain(top.start_mark, "not a mapping", "write `tests:` or so")
            return
        for key, value in top.value:
            self._add_section(key, value)

    def _add_section(self, key: Node, value: Node) -> None:
        """Merge a section into what other files say of it."""
        if isinstance(value, ScalarNode) and _scalar(value) is None:
            return
        if not isinstance(key, ScalarNode) or not isinstance(value, MappingNode):
            self._complain(key.start_mark, "not a section", "write names below it")
            return
        self._places.setdefault((key.value,), self._at(key.start_mark))
        self._merge(value, (key.value,), self.values.setdefault(key.value, {}))

    def _merge(self, node: MappingNode, where: Where, into: dict[str, Any]) -> None:
        """Add the entries of a mapping, each name once."""
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._complain(key.start_mark, "a key that is no word", "quote it")
                continue
            here = (*where, key.value)
            if first := self._places.get(here):
                name = ".".join(str(part) for part in here)
                what = f"'{name}' is already in {first}"
                self._complain(key.start_mark, what, "rename or remove one of them")
                continue
            self._places[here] = self._at(key.start_mark)
            into[key.value] = self._value(value, here)

    def _value(self, node: Node, where: Where) -> Any:
        if id(node) in self._seen or len(where) > MAX_DEPTH:
            what = "an alias" if id(node) in self._seen else "nested too deep"
            self._complain(node.start_mark, what, "write it out")
            return None
        self._seen.add(id(node))
        if not PLAIN_TAG.fullmatch(node.tag):
            self._complain(node.start_mark, f"a tag: {node.tag}", "leave it out")
            return None
        self._places.setdefault(where, self._at(node.start_mark))
        if isinstance(node, MappingNode):
            entries: dict[str, Any] = {}
            self._merge(node, where, entries)
            return entries
        if isinstance(node, SequenceNode):
            for item in node.value:
                if isinstance(item, ScalarNode):  # a name may be looked for by itself
                    at = self._at(item.start_mark)
                    self._places.setdefault((*where, item.value), at)
            return [
                self._value(item, (*where, number))
                for number, item in enumerate(node.value)
            ]
        assert isinstance(node, ScalarNode)
        return _scalar(node)

    def _at(self, mark: Any) -> Place:
        return Place(self._file, mark.line + 1 if mark else 1)

    def complain(self, where: Where, what: str, remedy: str) -> None:
        """Note what is wrong with a value."""
        self.problems.append(Problem(self.place(where), what, remedy))

    def _complain(self, mark: Any, what: str, remedy: str) -> None:
        self.problems.append(Problem(self._at(mark), what, remedy))


def _scalar(node: ScalarNode) -> Any:
    text: str = node.value
    if node.style:  # quoted, or a block: text as it stands
        return text
    if text in NOTHING:
        return None
    if text in TRUTH:
        return TRUTH[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text
