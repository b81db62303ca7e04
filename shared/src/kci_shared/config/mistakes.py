# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turn pydantic's errors into problems with location and remedy."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kci_shared.problems import Problem, suggest
from kci_shared.yaml_reader import Reader

Model = type[BaseModel]


def problems_of(
    error: ValidationError, reader: Reader, model: Model, whole: str
) -> list[Problem]:
    """Return a problem for each of pydantic's errors, ordered by location.

    `whole` is the name of the file's content, such as "the configuration".
    """
    return sorted(_problem(one, reader, model, whole) for one in error.errors())


def _problem(error: ErrorDetails, reader: Reader, model: Model, whole: str) -> Problem:
    where = error["loc"]
    location = reader.location(where)
    path = ".".join(str(part) for part in where if part != "[key]") or whole
    entry, _, key = path.rpartition(".")
    entry = entry or whole
    match error["type"]:
        case "extra_forbidden":
            remedy = suggest(key, _keys(model, where))
            return Problem(location, f"{entry} has an unknown key '{key}'", remedy)
        case "missing":
            return Problem(location, f"{entry} has no '{key}'", "add it")
        case _:
            value = error["input"]
            shown = f": {value!r}" if isinstance(value, str | int | float) else ""
            reason = error["msg"].removeprefix("Value error, ")
            reason = reason[0].lower() + reason[1:]
            return Problem(location, f"{path} is wrong{shown}", reason)


def _keys(model: Model, where: tuple[int | str, ...]) -> list[str]:
    """List the valid keys of the entry with the unknown key."""
    here: Any = model
    for part in where[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        else:
            here = get_args(here)[-1]
        models = [one for one in get_args(here) if isinstance(one, type)]
        if type(None) in models:  # an entry that may be empty
            here = models[0]
    return list(here.model_fields)
