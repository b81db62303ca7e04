# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a node that the API accepts; keeps the values that do not fit elsewhere."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kci_import.clean import clean
from kci_import.problems import Problem, refusal
from kci_shared.models import ImportedNode
from kci_shared.models.data import DATA
from kci_shared.models.nodes import Url

URL: TypeAdapter[str] = TypeAdapter(Url)
NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_-]")
NAME_MAX_CHARS = 256
FIELD_MAX_CHARS = 256 << 10
"""Longest field of `data`, as JSON; what is longer belongs into an artifact."""

Fields = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A node of another system in our terms; its values are not validated yet."""

    source: str
    id: str
    owner: str
    created: datetime
    updated: datetime
    fields: Fields
    """As in `NewNode`."""
    aside: str
    """The key of `data` whose `extra` keeps the values that do not fit."""
    path: list[str] | None = None


@dataclass(frozen=True)
class Fitted:
    """A valid node, and its problems."""

    node: ImportedNode | None
    """None if the draft cannot be made valid."""
    problems: list[Problem]


def fit(draft: Draft) -> Fitted:
    """Return a valid node made from a draft."""
    problems: list[Problem] = []

    def note(field: str, message: str) -> None:
        problems.append(Problem(draft.source, draft.id, field, message))

    fields = clean(draft.fields, note)
    extra: Fields = {}
    if len(name := str(fields.get("name") or "")) > NAME_MAX_CHARS:
        note("name", f"cut to {NAME_MAX_CHARS} characters")
        extra["name"], fields["name"] = name, name[:NAME_MAX_CHARS]
    for remove_invalid in (_remove_invalid_data, _remove_invalid_artifacts):
        for field, value in remove_invalid(fields).items():
            note(field, f"invalid here, kept in data.{draft.aside}.extra")
            extra[field] = value
    _keep(fields, extra, draft.aside)
    for field in _remove_large(fields["data"]):
        note(f"data.{field}", f"left out: more than {FIELD_MAX_CHARS} characters")
    try:
        return Fitted(_node(draft, fields), problems)
    except ValidationError as error:
        reason = "; ".join(map(_text, error.errors()))
        return Fitted(None, [*problems, refusal(draft.source, draft.id, reason)])


def _node(draft: Draft, fields: Fields) -> ImportedNode:
    return ImportedNode.model_validate(
        {
            "id": draft.id,
            "owner": draft.owner,
            "path": draft.path,
            "created": draft.created,
            "updated": draft.updated,
            "node": fields,
        }
    )


def _remove_invalid_data(fields: Fields) -> Fields:
    """Remove and return the fields of `data` that the kind's model refuses."""
    data: Fields = fields.setdefault("data", {})
    model = DATA.get(fields.get("kind", ""))
    if model is None:
        return {}
    try:
        model.model_validate({k: v for k, v in data.items() if v is not None})
    except ValidationError as error:
        invalid = {str(fault["loc"][0]) for fault in error.errors()}
        return {f"data.{key}": data.pop(key) for key in sorted(invalid & data.keys())}
    return {}


def _remove_invalid_artifacts(fields: Fields) -> Fields:
    """Remove and return the artifacts that are not URLs."""
    artifacts: Fields = fields.get("artifacts") or {}
    invalid = {}
    for name, url in list(artifacts.items()):
        try:
            URL.validate_python(url)
        except ValidationError:
            del artifacts[name]
            if url:
                invalid[f"artifacts.{name}"] = url
    return invalid


def _keep(fields: Fields, extra: Fields, aside: str) -> None:
    if extra:
        kept = fields["data"].setdefault(aside, {}).setdefault("extra", {})
        kept |= {NOT_IN_A_KEY.sub("_", field): value for field, value in extra.items()}


def _remove_large(data: Fields) -> list[str]:
    """Remove fields that are too long for a node; return their names."""
    large = [k for k, v in data.items() if len(json.dumps(v)) > FIELD_MAX_CHARS]
    for key in large:
        del data[key]
    return large


def _text(error: Mapping[str, Any]) -> str:
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
