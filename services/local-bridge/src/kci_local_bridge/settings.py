# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of local-bridge."""

from typing import Annotated

from pydantic import Field

from kci_shared.work import BridgeSettings
from kci_shared.work.settings import Runtime


class Settings(BridgeSettings):
    """A lab whose boards are QEMU processes of this machine."""

    runtime: Runtime = "lab-local"
    max_jobs: Annotated[
        int, Field(ge=1, le=1000, description="how many machines may run at once")
    ] = 2
    queue: Annotated[
        float,
        Field(ge=0, description="seconds added to each job's own time limit"),
    ] = 0
    platform: Annotated[str, Field(description="the platform of its machines")] = (
        "qemu-x86_64"
    )
    qemu: Annotated[str, Field(description="the QEMU program to start")] = (
        "qemu-system-x86_64"
    )
    memory: Annotated[int, Field(ge=64, description="memory of a machine, in MiB")] = (
        256
    )
    kvm: Annotated[
        bool, Field(description="use /dev/kvm, if this process may open it")
    ] = False
    banner_timeout: Annotated[
        float, Field(gt=0, description="seconds from power-on to the kernel's banner")
    ] = 60
    login_timeout: Annotated[
        float, Field(gt=0, description="seconds from the banner to the login prompt")
    ] = 120
