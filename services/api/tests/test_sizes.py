# SPDX-License-Identifier: LGPL-2.1-or-later
"""Walks all that the OpenAPI description lets a client send."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from kci_api.openapi import document
from kci_shared.models.sizes import Integer, Text

Schema = dict[str, Any]
Place = tuple[str, Schema]
"""Where a schema is used, and the schema."""
DESCRIPTION = document()
PROBES = ["\0", "a\0", "\0a", "a\0a", "http://a\0", "a@a\0", "^a\0"]
TOO_LONG_CHARACTERS = 1 << 20
FREE = {"data", "debug", "misc", "params", "definition", "field__op"}
"""Maps of anything, which `check_storable` checks."""


def _sent_by_clients() -> Iterator[Place]:
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            here = f"{method} {path}"
            for parameter in operation.get("parameters", ()):
                yield f"{here} {parameter['name']}", parameter["schema"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield f"{here} body", content["schema"]


def _all_in(where: str, schema: Schema, seen: frozenset[str]) -> Iterator[Place]:
    """Yield a schema and all schemas within it."""
    reference = schema.get("$ref", "")
    if reference:
        if reference in seen:
            return
        schema = DESCRIPTION["components"]["schemas"][reference.rpartition("/")[2]]
    yield where, schema
    for inner_where, inner in _parts(where, schema):
        yield from _all_in(inner_where, inner, seen | {reference})


def _parts(where: str, schema: Schema) -> Iterator[Place]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{where}.{name}", inner
    for pattern, inner in schema.get("patternProperties", {}).items():
        yield f"{where} key", {"type": "string", "pattern": pattern}
        yield f"{where}[]", inner
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{where} key", schema.get("propertyNames", {"type": "string"})
        yield f"{where}[]", schema["additionalProperties"]
    if isinstance(schema.get("items"), dict):
        yield f"{where}[]", schema["items"]
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(key, ()):
            yield where, inner


PLACES = [
    place
    for where, schema in _sent_by_clients()
    for place in _all_in(where, schema, frozenset())
]
CHECKED_ELSEWHERE = re.compile(r"body\.data$|field__op")
"""Data is checked with the model of its kind; filters when they are parsed."""


def _places_of(type_: str) -> list[Place]:
    return [
        (where, schema)
        for where, schema in PLACES
        if schema.get("type") == type_ and not CHECKED_ELSEWHERE.search(where)
    ]


def _is_vocabulary(schema: Schema) -> bool:
    return "enum" in schema or "const" in schema or schema.get("format") == "date-time"


def _bounds_its_length(pattern: str) -> bool:
    outside_of_classes = re.sub(r"\[[^\]]*\]", "", pattern)
    anchored = pattern.startswith("^") and pattern.endswith("$")
    return anchored and not re.search(r"[*+]|,\}", outside_of_classes)


def test_every_text_of_a_request_has_a_greatest_length_and_no_nul() -> None:
    texts = _places_of("string")
    assert len(texts) > 100
    for where, schema in texts:
        if _is_vocabulary(schema):
            continue
        pattern = schema.get("pattern", "")
        length = schema.get("maxLength", TOO_LONG_CHARACTERS)
        assert length < TOO_LONG_CHARACTERS or _bounds_its_length(pattern), where
        assert pattern, where
        assert not any(re.search(pattern, probe) for probe in PROBES), where


def test_every_integer_of_a_request_fits_into_64_bits() -> None:
    integers = _places_of("integer")
    assert len(integers) > 20
    for where, schema in integers:
        least = schema.get("minimum", schema.get("exclusiveMinimum"))
        greatest = schema.get("maximum", schema.get("exclusiveMaximum"))
        assert least is not None, where
        assert greatest is not None, where
        assert -(2.0**63) <= least <= greatest <= 2.0**63, where


def test_only_the_maps_of_anything_have_no_type() -> None:
    for where, schema in PLACES:
        is_typed = schema.keys() & {"type", "anyOf", "oneOf", "allOf", "const", "enum"}
        if not is_typed or schema.get("additionalProperties") is True:
            name = re.split(r"[.\s]", where)[-1].replace("[]", "")
            assert name in FREE, where


VALUES = [
    ("a\0b", False),
    ("half \ud800", False),
    ("x" * 4097, False),
    ("x" * 4096, True),
    ("two\nlines ü 😀", True),
]


@pytest.mark.parametrize(
    ("text", "valid"), VALUES, ids=[repr(v)[:9] for v, _ in VALUES]
)
def test_a_text_can_be_stored_and_answered(text: str, valid: bool) -> None:
    assert _accepts(TypeAdapter(Text), text) == valid


@pytest.mark.parametrize(
    ("number", "valid"), [(2**63 - 1, True), (2**63, False), (-(2**63), False)]
)
def test_an_integer_fits_into_the_database(number: int, valid: bool) -> None:
    assert _accepts(TypeAdapter(Integer), number) == valid


def _accepts(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        return bool(adapter.validate_python(value) == value)
    except ValidationError:
        return False
