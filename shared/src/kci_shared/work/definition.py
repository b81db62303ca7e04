# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads `data.definition` of a node: what to boot, or what to build."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kci_shared.models import Definition, Job, Node
from kci_shared.work.errors import BadJob

M = TypeVar("M", bound=BaseModel)


def definition_of(node: Node, model: type[M]) -> M:
    """Return a node's `data.definition`; `BadJob` names the first mistake in it."""
    try:
        return model.model_validate(getattr(node.data, "definition", None))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, ("data.definition", *first["loc"])))
        raise BadJob(f"{field}: {first['msg']}") from error


def boot_definition(node: Node) -> Definition | None:
    """Return what a node boots; None for other work, such as a mail or a build."""
    if not isinstance(node, Job) or node.data.definition is None:
        return None
    return definition_of(node, Definition)
