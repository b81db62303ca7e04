# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's own file: where its coordinator is, and how its devices are run."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic.functional_validators import field_validator
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node

from kci_shared.errors import ConfigError

SHIPPED = Path(__file__).with_name("envs")
REMEDIES = {
    "extra_forbidden": "there is no such key; remove or correct it",
    "missing": "is missing; add it",
}

Tags = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]+$")], str]
"""As labgrid takes them."""
Variable = Annotated[str, Field(pattern=r"^LG_[A-Z0-9_]+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Device(_Entry):
    """How this lab runs the jobs of one platform."""

    tags: Tags
    """Which places have such a device."""
    env: Path
    """labgrid's environment file: beside the lab's file, or one that we ship."""
    state: str = "shell"
    """The state of the environment's strategy in which commands can be run."""
    timeout: Annotated[float, Field(gt=0)] = 3600
    """The longest that a job may hold a device, in seconds."""

    @field_validator("env")
    @classmethod
    def _must_exist(cls, env: Path, validation: ValidationInfo) -> Path:
        beside: Path = validation.context or Path()
        for file in (beside / env, SHIPPED / env):
            if file.is_file():
                return file.absolute()
        raise ValueError(f"there is no such file, neither in {beside} nor shipped")


class Lab(_Entry):
    """A labgrid lab."""

    coordinator: Annotated[str, Field(pattern=r"^[^\s/]+:\d+$")]
    """host:port"""
    tags: Tags = {}
    """What all places for us have in common."""
    variables: dict[Variable, str] = {}
    """For the `!template`s of the environment files."""
    devices: Annotated[dict[str, Device], Field(min_length=1)]
    """By KernelCI's name of the platform."""

    def tags_of(self, platform: str) -> dict[str, str]:
        """Return the tags that a place for a platform must have."""
        return {**self.tags, **self.devices[platform].tags}


def read_lab(file: Path) -> Lab:
    """Read a lab's file; `ConfigError` names the line of each mistake."""
    try:
        text = file.read_text()
        top = yaml.compose(text, Loader=yaml.SafeLoader)
        return Lab.model_validate(yaml.safe_load(text), context=file.parent)
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
