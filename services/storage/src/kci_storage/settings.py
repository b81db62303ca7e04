# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the artifact storage."""

from typing import Annotated

from pydantic import Field

from kci_shared.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """The store, the address to serve on, and the API that checks tokens."""

    api_url: Annotated[str, Field(description="the API, which checks tokens")]
    store: Annotated[
        str,
        Field(description="file:///folder, s3://bucket/prefix, az://account/container"),
    ] = "file:///var/lib/kci/storage"
    max_bytes: Annotated[int, Field(gt=0, description="largest artifact, in bytes")] = (
        2 << 30
    )
    host: Annotated[str, Field(description="address to serve on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port to serve on")] = 8002
