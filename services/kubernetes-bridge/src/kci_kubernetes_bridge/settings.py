# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of kubernetes-bridge."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.work import BridgeSettings


class Settings(BridgeSettings):
    """The API, the storage, and the file that describes the cluster."""

    lab: Annotated[Path, Field(description="the lab's YAML file: cluster, platforms")]
    max_jobs: Annotated[
        int, Field(ge=1, le=1000, description="how many jobs may run at once")
    ] = 100
    queue: Annotated[
        float,
        Field(ge=1, description="seconds that a pod may wait for a machine"),
    ] = 7200
