# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's file: its coordinator, and how jobs run on its devices."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo
from pydantic.functional_validators import field_validator

from kci_shared.lab.labfile import LAB_ENTRY, read_lab_file

SHIPPED = Path(__file__).with_name("envs")
Tags = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]+$")], str]
"""With keys that labgrid accepts."""
Variable = Annotated[str, Field(pattern=r"^LG_[A-Z0-9_]+$")]


class _Entry(BaseModel):
    model_config = LAB_ENTRY


class Device(_Entry):
    """How this lab runs the jobs of one platform."""

    tags: Tags
    """Of the places that have such a device."""
    env: Path
    """labgrid's environment file: beside the lab's file, or one of the bridge's own."""
    state: str = "shell"
    """The strategy's state in which commands can be run."""
    timeout: Annotated[float, Field(gt=0)] = 3600
    """How long a job may hold a device, in seconds."""

    @field_validator("env")
    @classmethod
    def _must_exist(cls, env: Path, validation: ValidationInfo) -> Path:
        beside: Path = validation.context or Path()
        for file in (beside / env, SHIPPED / env):
            if file.is_file():
                return file.absolute()
        raise ValueError(f"no such file: neither in {beside} nor in the bridge's envs/")


class Lab(_Entry):
    """A labgrid lab."""

    coordinator: Annotated[str, Field(pattern=r"^[^\s/]+:\d+$")]
    """host:port"""
    tags: Tags = {}
    """Of all places that the bridge may use."""
    variables: dict[Variable, str] = {}
    """For the `!template`s of the environment files."""
    devices: Annotated[dict[str, Device], Field(min_length=1)]
    """By KernelCI's name of the platform."""

    def tags_of(self, platform: str) -> dict[str, str]:
        """Return the tags that a place for a platform must have."""
        return {**self.tags, **self.devices[platform].tags}


def read_lab(file: Path) -> Lab:
    """Read a lab's file; `ConfigError` names the line of each mistake."""
    return read_lab_file(file, Lab)
