# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the artifact storage is told."""

from typing import Annotated

from pydantic import Field

from kci_shared.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """Where artifacts lie, where they are served, and who knows the tokens."""

    api_url: Annotated[
        str, Field(description="the API, which says whether a token is good")
    ]
    store: Annotated[
        str,
        Field(description="file:///folder, s3://bucket/prefix, az://account/container"),
    ] = "file:///var/lib/kci/storage"
    max_bytes: Annotated[
        int, Field(gt=0, description="how large an artifact may be")
    ] = 2 << 30
    host: Annotated[str, Field(description="address to serve on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port to serve on")] = 8002
