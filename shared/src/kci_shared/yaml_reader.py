# SPDX-License-Identifier: LGPL-2.1-or-later
"""One YAML file as plain values, with the line of each.

It is the safe subset of YAML 1.2: only `true` and `false` are truth values, so that
`on` and `no` stay words, `10:20:30` stays text, and keys are always text. A key may
appear once in a mapping. Aliases and tags are refused, so that nothing grows or runs
while it is read.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kci_shared.problems import Location, Problem

Where = tuple[str | int, ...]
"""The way to a value, such as `("tests", "boot", "needs", 0)`."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PLAIN_TAG = re.compile(r"tag:yaml\.org,2002:[a-z]+")
NULLS = {"", "~", "null"}
BOOLEANS = {"true": True, "false": False}
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
MAX_YAML_DEPTH = 20


class Reader:
    """Reads YAML files; keeps the location of each value, and what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._locations: dict[Where, Location] = {}
        self._seen: set[int] = set()
        self._file = Path()

    def read(self, file: Path) -> dict[str, Any]:
        """Return the mapping in a file; mistakes are added to the problems.

        Raises `OSError` if there is no such file.
        """
        self._locations[()] = Location(file)
        values: dict[str, Any] = {}
        if (top := self.compose(file)) is not None:
            self.merge(top, (), values)
        return values

    def compose(self, file: Path) -> MappingNode | None:
        """Parse a file; None if it is empty, or has no mapping, which is a problem."""
        self._file = file
        self._seen = set()
        try:
            top = yaml.compose(file.read_text(encoding="utf-8"), Loader=LOADER)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or str(error)
            self.complain_at(
                mark, f"not YAML: {reason}", "check indentation and quotes"
            )
            return None
        if top is None or isinstance(top, MappingNode):
            return top
        self.complain_at(
            top.start_mark, "not a mapping of keys to values", "write `key: value`"
        )
        return None

    def location(self, where: Where) -> Location:
        """Return the location of a value, or of the nearest value around it."""
        nearest: Where = ()
        for part in where:
            if (*nearest, part) in self._locations:
                nearest = (*nearest, part)
        return self._locations[nearest]

    def complain(self, where: Where, what: str, remedy: str) -> None:
        """Add a problem with a value."""
        self.problems.append(Problem(self.location(where), what, remedy))

    def complain_at(self, mark: Any, what: str, remedy: str) -> None:
        """Add a problem at a place in the file that is being read."""
        self.problems.append(Problem(self._at(mark), what, remedy))

    def locate(self, where: Where, mark: Any) -> None:
        """Store the location of a value, unless it has one already."""
        self._locations.setdefault(where, self._at(mark))

    def merge(self, node: MappingNode, where: Where, into: dict[str, Any]) -> None:
        """Add the entries of a mapping to `into`; each key may stand there once."""
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.complain_at(key.start_mark, "a key that is not a word", "quote it")
                continue
            here = (*where, key.value)
            if key.value in into:
                name = ".".join(str(part) for part in here)
                what = f"'{name}' is already in {self._locations[here]}"
                self.complain_at(key.start_mark, what, "rename or remove one of them")
                continue
            self._locations[here] = self._at(key.start_mark)
            into[key.value] = self._value(value, here)

    def _value(self, node: Node, where: Where) -> Any:
        if id(node) in self._seen or len(where) > MAX_YAML_DEPTH:
            what = "an alias" if id(node) in self._seen else "nested too deep"
            self.complain_at(node.start_mark, what, "write it out")
            return None
        self._seen.add(id(node))
        if not PLAIN_TAG.fullmatch(node.tag):
            self.complain_at(node.start_mark, f"a tag: {node.tag}", "leave it out")
            return None
        self.locate(where, node.start_mark)
        if isinstance(node, MappingNode):
            entries: dict[str, Any] = {}
            self.merge(node, where, entries)
            return entries
        if isinstance(node, SequenceNode):
            for item in node.value:
                if isinstance(item, ScalarNode):  # a name may be looked for by itself
                    self.locate((*where, item.value), item.start_mark)
            return [
                self._value(item, (*where, number))
                for number, item in enumerate(node.value)
            ]
        assert isinstance(node, ScalarNode)
        return scalar(node)

    def _at(self, mark: Any) -> Location:
        return Location(self._file, mark.line + 1 if mark else 1)


def scalar(node: ScalarNode) -> Any:
    """Return the value of a YAML scalar."""
    text: str = node.value
    if node.style:  # quoted, or a block: always text
        return text
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text
