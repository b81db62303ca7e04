# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the builder's three programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.secret import Secret
from kci_shared.settings import BaseServiceSettings
from kci_shared.work import BridgeSettings
from kci_shared.work.build import BuildOrder
from kci_shared.work.settings import Runtime


class SandboxMode(StrEnum):
    """What isolates a build from the rest of the machine."""

    AUTO = "auto"
    BWRAP = "bwrap"
    NONE = "none"


class MakerSettings(BaseServiceSettings):
    """How kernels are built."""

    make_jobs: Annotated[
        int, Field(ge=0, description="make -j of each build; 0: one per processor")
    ] = 0
    ccache: Annotated[
        Path | None, Field(description="a folder for ccache; empty: not used")
    ] = None
    max_log: Annotated[
        int, Field(gt=0, description="bytes of a build's log that are kept")
    ] = 64 << 20


class Settings(BridgeSettings, MakerSettings):
    """The builder: how much of this machine its builds may use."""

    runtime: Runtime = "builder"
    max_jobs: Annotated[
        int, Field(ge=1, le=100, description="how many kernels are built at once")
    ] = 1
    queue: Annotated[
        float, Field(ge=0, description="seconds added to each build's own time limit")
    ] = 1800
    sandbox: Annotated[
        SandboxMode, Field(description="auto: bwrap if it works here; bwrap; none")
    ] = SandboxMode.AUTO
    min_free: Annotated[
        int, Field(ge=0, description="bytes of free disk below which nothing is built")
    ] = 4 << 30


class OnceSettings(MakerSettings):
    """`kci-builder-once`: what to build, and where to leave artifacts and report."""

    order: Annotated[BuildOrder, Field(description="what shall be built, as JSON")]
    folder: Annotated[Path, Field(description="an empty folder for all of it")]


class DeliverySettings(BaseServiceSettings):
    """`kci-builder-deliver`: what a build left, and where to store it."""

    folder: Annotated[Path, Field(description="the folder that the build had")]
    storage_url: Annotated[str, Field(description="the artifact storage")]
    token: Annotated[Secret, Field(description="a token that may store artifacts")]
