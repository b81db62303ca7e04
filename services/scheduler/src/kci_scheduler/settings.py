# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the scheduler."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the scheduler."""

    config: Annotated[
        Path, Field(description="folder of the YAML files: tests, platforms, labs, ...")
    ]
    sweep_every: Annotated[
        float, Field(gt=0, description="seconds between checks for overdue nodes")
    ] = 5.0
    config_every: Annotated[
        float, Field(gt=0, description="seconds between checks for changed files")
    ] = 2.0
