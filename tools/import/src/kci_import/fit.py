# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a node that our API takes; what does not fit is moved aside, and told."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kci_import.clean import clean
from kci_import.problems import Problem
from kci_shared.models import ImportedNode
from kci_shared.models.data import DATA
from kci_shared.models.nodes import Url

URL: TypeAdapter[str] = TypeAdapter(Url)
ODD = re.compile(r"[^A-Za-z0-9_-]")
LONGEST_NAME = 256
LARGEST_FIELD = 256 << 10
"""In characters of JSON: what is more belongs into an artifact."""


@dataclass(frozen=True)
class Draft:
    """A node in our words, from a source that promises nothing of its values."""

    source: str
    id: str
    owner: str
    created: datetime
    updated: datetime
    fields: dict[str, Any]
    """As in `NewNode`."""
    aside: str
    """The key of `data` under whose `extra` is kept what does not fit."""
    path: list[str] | None = None


@dataclass(frozen=True)
class Fitted:
    """What came of a draft."""

    node: ImportedNode | None
    problems: list[Problem]


def fit(draft: Draft) -> Fitted:
    """Return the node, or None if it fits in no way, and what was the matter."""
    problems: list[Problem] = []

    def tell(field: str, said: str) -> None:
        problems.append(Problem(draft.source, draft.id, field, said))

    fields = clean(draft.fields, tell)
    extra: dict[str, Any] = {}
    if len(name := str(fields.get("name") or "")) > LONGEST_NAME:
        tell("name", f"cut to {LONGEST_NAME} characters")
        extra["name"], fields["name"] = name, name[:LONGEST_NAME]
    for part in (_fit_data, _fit_artifacts):
        for field, value in part(fields).items():
            tell(field, "does not fit, kept under data." + draft.aside)
            extra[field] = value
    _keep(fields, extra, draft.aside)
    for field in _shorten(fields["data"]):
        tell(f"data.{field}", f"left out: more than {LARGEST_FIELD} characters")
    try:
        return Fitted(_node(draft, fields), problems)
    except ValidationError as error:
        tell("", "refused: " + "; ".join(map(_fault, error.errors())))
        return Fitted(None, problems)


def _node(draft: Draft, fields: dict[str, Any]) -> ImportedNode:
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


def _fit_data(fields: dict[str, Any]) -> dict[str, Any]:
    """Take out of `data` what the kind's model does not take."""
    data: dict[str, Any] = fields.setdefault("data", {})
    model = DATA.get(fields.get("kind", ""))
    if model is None:
        return {}
    try:
        model.model_validate({k: v for k, v in data.items() if v is not None})
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        return {f"data.{key}": data.pop(key) for key in sorted(wrong & data.keys())}
    return {}


def _fit_artifacts(fields: dict[str, Any]) -> dict[str, Any]:
    """Take out what is no URL."""
    artifacts: dict[str, Any] = fields.get("artifacts") or {}
    wrong = {}
    for name, url in list(artifacts.items()):
        try:
            URL.validate_python(url)
        except ValidationError:
            del artifacts[name]
            if url:
                wrong[f"artifacts.{name}"] = url
    return wrong


def _keep(fields: dict[str, Any], extra: dict[str, Any], aside: str) -> None:
    if extra:
        kept = fields["data"].setdefault(aside, {}).setdefault("extra", {})
        kept |= {ODD.sub("_", field): value for field, value in extra.items()}


def _shorten(data: dict[str, Any]) -> list[str]:
    """Leave out what is too large for a node; return its name."""
    large = [k for k, v in data.items() if len(json.dumps(v)) > LARGEST_FIELD]
    for key in large:
        del data[key]
    return large


def _fault(fault: Any) -> str:
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
