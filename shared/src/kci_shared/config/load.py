# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a folder of YAML files to a `Config`, or to all that is wrong with them."""

from pathlib import Path

from pydantic import ValidationError

from kci_shared.config.check import complaints
from kci_shared.config.extend import extend
from kci_shared.config.mistakes import problems_of
from kci_shared.config.models import Config
from kci_shared.config.source import Source
from kci_shared.errors import ConfigError
from kci_shared.problems import Problem


def load(folder: Path) -> Config:
    """Read a configuration; raise `ConfigError` with a line for each problem."""
    config, problems = read(folder)
    if config is None:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    return config


def read(folder: Path) -> tuple[Config | None, list[Problem]]:
    """Read a configuration; return it and no problems, or None and all of them."""
    source = Source(folder)
    extend(source)
    if source.problems:
        return None, sorted(source.problems)
    try:
        config = Config.model_validate(source.values)
    except ValidationError as error:
        return None, problems_of(error, source, Config, "the configuration")
    problems = [
        Problem(source.location(where), what, remedy)
        for where, what, remedy in complaints(config)
    ]
    return (None, sorted(problems)) if problems else (config, [])
