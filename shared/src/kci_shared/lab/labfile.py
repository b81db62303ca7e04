# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab's own YAML file: read into a model, each mistake told with its line."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node

from kci_shared.errors import ConfigError

REMEDIES = {
    "extra_forbidden": "there is no such key; remove or correct it",
    "missing": "is missing; add it",
}


LAB_ENTRY = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
"""How the models of a lab's file are set up."""

L = TypeVar("L", bound=BaseModel)


def read_lab_file(file: Path, model: type[L]) -> L:
    """Read a lab's file; its folder is the validation's context.

    `ConfigError` names the line of each mistake.
    """
    try:
        text = file.read_text()
        top = yaml.compose(text, Loader=yaml.SafeLoader)
        return model.model_validate(yaml.safe_load(text), context=file.parent)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}: set KCI_LAB") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not YAML: {error}") from error
    except ValidationError as error:
        lines = [_said(file, top, mistake) for mistake in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def _said(file: Path, top: Node | None, mistake: ErrorDetails) -> str:
    where = [part for part in mistake["loc"] if part != "[key]"]
    name = ".".join(map(str, where)) or "the file"
    reason = REMEDIES.get(mistake["type"], mistake["msg"])
    return f"{file}:{_line(top, where)}: {name}: {reason.removeprefix('Value error, ')}"


def _line(node: Node | None, where: list[Any], around: int = 1) -> int:
    """Tell the line of a key, or of the nearest one around it."""
    if where and isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == str(where[0]):
                return _line(value, where[1:], key.start_mark.line + 1)
    return around
