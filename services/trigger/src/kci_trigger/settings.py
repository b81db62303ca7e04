# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the trigger."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kci_shared.work import BridgeSettings
from kci_shared.work.settings import Runtime


class Settings(BridgeSettings):
    """Trees to watch, limits of git, address of the requests."""

    config: Annotated[Path, Field(description="folder of the YAML files: trees, ...")]
    runtime: Runtime = "trigger"
    max_jobs: Annotated[
        int,
        Field(ge=1, le=100, description="how many checkouts may be made in parallel"),
    ] = 2
    queue: Annotated[
        float, Field(ge=0, description="seconds that a checkout may take")
    ] = 3600
    poll: Annotated[
        float, Field(gt=0, description="seconds between polls of a tree")
    ] = 60
    remote_timeout: Annotated[
        float, Field(gt=0, description="seconds that a remote gets to list its heads")
    ] = 30
    per_host: Annotated[
        int,
        Field(ge=1, description="how many trees of one host are polled in parallel"),
    ] = 4
    protocols: Annotated[
        tuple[str, ...], Field(description="protocols that git may use: JSON list")
    ] = ("https", "git")
    max_bytes: Annotated[
        int, Field(gt=0, description="how large a file that git writes may be")
    ] = 32 << 30
    patch_hosts: Annotated[
        tuple[str, ...],
        Field(description="hosts from which patches may be downloaded: JSON list"),
    ] = ("lore.kernel.org", "patchwork.kernel.org")
    host: Annotated[str, Field(description="address to serve requests on")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, Field(ge=0, le=65535, description="port to serve requests on; 0 = none")
    ] = 8003

    @property
    def mirrors(self) -> Path:
        """Folder of the bare repositories."""
        return self.cache / "mirrors"
