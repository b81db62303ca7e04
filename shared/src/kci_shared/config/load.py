# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a folder of YAML files to a `Config`, or to all that is wrong with them."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kci_shared.config.check import complaints
from kci_shared.config.extend import extend
from kci_shared.config.models import Config
from kci_shared.config.problems import Problem, suggest
from kci_shared.config.source import Source
from kci_shared.errors import ConfigError


def load(folder: Path) -> Config:
    """Read a configuration; raise `ConfigError` with a line for each problem."""
    config, problems = read(folder)
    if config is None:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    return config


def read(folder: Path) -> tuple[Config | None, list[Problem]]:
    """Read a configuration: it, or what is wrong with it."""
    source = Source.read(folder)
    extend(source)
    if source.problems:
        return None, sorted(source.problems)
    try:
        config = Config.model_validate(source.values)
    except ValidationError as error:
        return None, sorted(_told(source, one) for one in error.errors())
    problems = [
        Problem(source.place(where), what, remedy)
        for where, what, remedy in complaints(config)
    ]
    return (None, sorted(problems)) if problems else (config, [])


def _told(source: Source, error: ErrorDetails) -> Problem:
    """Say an error of the schema in the words of whoever wrote the file."""
    where = error["loc"]
    place = source.place(where)
    whole = ".".join(str(part) for part in where if part != "[key]")
    entry, _, key = whole.rpartition(".")
    entry = entry or "the configuration"
    match error["type"]:
        case "extra_forbidden":
            remedy = suggest(key, _keys(where))
            return Problem(place, f"{entry} has an unknown key '{key}'", remedy)
        case "missing":
            return Problem(place, f"{entry} has no '{key}'", "add it")
    wrong = error["input"]
    shown = f": {wrong!r}" if isinstance(wrong, str | int | float) else ""
    reason = error["msg"].removeprefix("Value error, ")
    return Problem(place, f"{whole} is wrong{shown}", reason[0].lower() + reason[1:])


def _keys(where: tuple[int | str, ...]) -> list[str]:
    """List the keys that are known in the entry that a key stands in."""
    here: Any = Config
    for part in where[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        else:
            here = get_args(here)[-1]
        models = [one for one in get_args(here) if isinstance(one, type)]
        if type(None) in models:  # an entry that may be empty
            here = models[0]
    return list(here.model_fields)
