# SPDX-License-Identifier: LGPL-2.1-or-later
"""What LAVA reports of a job, as cases; pure, and safe for whatever a lab sends."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kci_shared.lab import LabError
from kci_shared.models import Result

BASE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOT_YAML = (
    yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError,
    TypeError, ValueError,
)  # fmt: skip
"""What its constructors raise for an empty integer, a time that is none, ..."""
NOTHING = {None, "", "None"}
DEEPEST = 100
OWN_SUITE = "lava"
"""LAVA's own actions: they are no tests."""
RESULTS = {"pass": Result.PASS, "fail": Result.FAIL, "skip": Result.SKIP}

_INDEX = re.compile(r"^\d+_")


class LavaYaml(BASE):  # type: ignore[misc, valid-type]
    """Safe YAML that takes a tag it does not know, such as Decimal, for plain text."""


def _untagged(loader: Any, _: str, node: Node) -> Any:
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, SequenceNode)
    parts = loader.construct_sequence(node, deep=True)
    return parts[0] if len(parts) == 1 else parts  # what a Decimal is made of


LavaYaml.add_multi_constructor("!", _untagged)
LavaYaml.add_multi_constructor("tag:yaml.org,2002:python/", _untagged)


def read_yaml(text: str | bytes) -> Any:
    """Read YAML of LAVA; `LabError` if it is none, or more than a lab has to say."""
    try:
        _check(text)
        return yaml.load(text, Loader=LavaYaml)  # noqa: S506 - a safe one
    except NOT_YAML as error:
        raise LabError(f"LAVA sent what is no YAML: {error}") from error


def _check(text: str | bytes) -> None:
    """Raise `ValueError` for what would exhaust the stack, or the memory."""
    depth = 0
    for event in yaml.parse(text, Loader=BASE):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"deeper than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.value == "<<":
            raise ValueError("a key that merges others")


@dataclass(frozen=True)
class Case:
    """One case of a suite."""

    id: int
    suite: str
    name: str
    result: Result
    set: str | None = None
    measurement: float | None = None
    unit: str | None = None
    start: int | None = None
    """The lines of LAVA's log that belong to it, from 1, both included."""
    end: int | None = None
    error_type: str | None = None
    error_msg: str | None = None
    reference: str | None = None

    @property
    def suite_name(self) -> str:
        """The suite without its number; a monitor's has none."""
        return _INDEX.sub("", self.suite)


def read_cases(texts: Iterable[str | bytes]) -> list[Case]:
    """Read lists of results, and bring them in the order of execution."""
    lists = (read_yaml(text) for text in texts)
    entries = (entry for told in lists if isinstance(told, list) for entry in told)
    found = (case for entry in entries if (case := _case(entry)))
    return sorted(found, key=lambda case: case.id)


def _case(entry: Any) -> Case | None:
    name = _text(entry.get("name")) if isinstance(entry, dict) else None
    if name is None:
        return None
    said = entry.get("metadata")
    metadata: dict[str, Any] = said if isinstance(said, dict) else {}
    return Case(
        id=_whole(entry.get("id")) or 0,
        suite=_text(entry.get("suite")) or _text(metadata.get("definition")) or "",
        name=name,
        result=RESULTS.get(_text(entry.get("result")) or "", Result.INCOMPLETE),
        set=_text(metadata.get("set")),
        measurement=_number(entry.get("measurement")),
        unit=_text(entry.get("unit")),
        start=_whole(entry.get("log_start_line")),
        end=_whole(entry.get("log_end_line")),
        error_type=_text(metadata.get("error_type")),
        error_msg=_text(metadata.get("error_msg")),
        reference=_text(metadata.get("reference")),
    )


def _text(value: Any) -> str | None:
    """Return a plain value as text; what is nested may be endless as text."""
    if not isinstance(value, str | int | float):
        return None
    try:
        text = str(value)
    except ValueError:  # a number of some thousand digits
        return None
    return None if text in NOTHING else text


def _whole(value: Any) -> int | None:
    text = _text(value) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _number(value: Any) -> float | None:
    try:
        number = float(_text(value) or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
