# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a lab's own YAML file into a model, by the same rules as the configuration."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kci_shared.config.mistakes import problems_of
from kci_shared.errors import ConfigError
from kci_shared.yaml_reader import Reader

LAB_ENTRY = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
"""Pydantic's configuration of all models of a lab's file."""

L = TypeVar("L", bound=BaseModel)


def read_lab_file(file: Path, model: type[L]) -> L:
    """Read a lab's file; validators get its folder as their context.

    Raises `ConfigError`, which names the line of each mistake, and the remedy.
    """
    reader = Reader()
    try:
        values = reader.read(file)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}: set KCI_LAB") from error
    problems = reader.problems
    if not problems:
        try:
            return model.model_validate(values, context=file.parent)
        except ValidationError as error:
            problems = problems_of(error, reader, model, "the file")
    raise ConfigError("\n".join(str(problem) for problem in problems))
