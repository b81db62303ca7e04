# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of labgrid-bridge."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.work import BridgeSettings


class Settings(BridgeSettings):
    """The API, the storage, and the file that describes the lab."""

    lab: Annotated[
        Path, Field(description="the lab's YAML file: coordinator and devices")
    ]
