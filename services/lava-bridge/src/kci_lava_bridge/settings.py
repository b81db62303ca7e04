# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of lava-bridge."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.work import BridgeSettings


class Settings(BridgeSettings):
    """The API, the storage, and the file that describes the lab."""

    lab: Annotated[Path, Field(description="the lab's YAML file: LAVA and its devices")]
    max_jobs: Annotated[
        int, Field(ge=1, le=1000, description="how many jobs may run at once")
    ] = 200
    queue: Annotated[
        float,
        Field(ge=1, description="seconds that a job may wait in LAVA for a device"),
    ] = 7200
    callback_port: Annotated[
        int, Field(ge=0, le=65535, description="port for LAVA's callbacks; 0 = none")
    ] = 0
    callback_host: Annotated[
        str, Field(description="address that the callback port listens on")
    ] = "127.0.0.1"
