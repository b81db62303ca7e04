# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of every bridge."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.storage import StorageSettings

Runtime = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="the lab's name: jobs of this `data.runtime` are claimed",
    ),
]


class BridgeSettings(StorageSettings):
    """Settings of every bridge; each adds its own."""

    runtime: Runtime
    lease: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds that a claim outlives its bridge"),
    ] = 60
    max_jobs: Annotated[
        int, Field(ge=1, le=1000, description="how many jobs may run at once")
    ] = 4
    queue: Annotated[
        float,
        Field(ge=0, description="seconds that a job may wait in the lab for a device"),
    ] = 600
    drain: Annotated[
        float,
        Field(ge=0, description="seconds that running jobs get after a stop signal"),
    ] = 5
    cache: Annotated[
        Path, Field(description="a folder for fetched artifacts and running jobs")
    ] = Path("var/cache")

    @property
    def runs(self) -> Path:
        """Where the folders of running jobs are."""
        return self.cache / "runs" / self.runtime
