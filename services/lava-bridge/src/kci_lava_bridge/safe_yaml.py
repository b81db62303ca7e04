# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads YAML that LAVA sent; safe for whatever a lab sends."""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kci_shared.lab import LabError

BASE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOT_YAML = (
    yaml.YAMLError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What constructors raise for invalid values, such as an empty integer."""
MAX_YAML_DEPTH = 100


class LavaYaml(BASE):  # type: ignore[misc, valid-type]
    """A safe loader that reads values with unknown tags, such as Decimal, as text."""


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
    """Read YAML from LAVA; raises `LabError` if it is invalid or too deep."""
    try:
        _check(text)
        return yaml.load(text, Loader=LavaYaml)  # noqa: S506 - a safe one
    except NOT_YAML as error:
        raise LabError(f"LAVA sent invalid YAML: {error}") from error


def _check(text: str | bytes) -> None:
    """Raise `ValueError` for input that would exhaust stack or memory."""
    depth = 0
    for event in yaml.parse(text, Loader=BASE):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_YAML_DEPTH:
                raise ValueError(f"deeper than {MAX_YAML_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.value == "<<":
            raise ValueError("a merge key")
