# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the API."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from kci_api.callers.rules import is_placeholder
from kci_shared.secret import Secret
from kci_shared.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """Addresses of the API and its stores, secrets, and limits."""

    host: Annotated[str, Field(description="address to serve on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port to serve on")] = 8001
    mongo_url: Annotated[
        str, Field(description="MongoDB (a replica set), with the database's name")
    ] = "mongodb://127.0.0.1:27017/kernelci?directConnection=true"
    redis_url: Annotated[str, Field(description="Redis, for streams and lists")] = (
        "redis://127.0.0.1:6379/0"
    )
    secret_key: Annotated[
        Secret, Field(description="signs all tokens: 32 random characters or more")
    ]
    admin_user: Annotated[
        str | None,
        Field(description="the first administrator, created at start if missing"),
    ] = None
    admin_email: Annotated[
        str, Field(description="the first administrator's address")
    ] = "admin@localhost"
    admin_password: Annotated[
        Secret | None, Field(description="the first administrator's password")
    ] = None
    login_hours: Annotated[
        float, Field(gt=0, le=24 * 30, description="how long a login is valid")
    ] = 12
    event_days: Annotated[
        float, Field(gt=0, description="how long past events are kept")
    ] = 7
    stream_events: Annotated[
        int,
        Field(
            gt=0, description="how many of the latest events Redis keeps for services"
        ),
    ] = 200_000
    public_url: Annotated[
        str | None, Field(description="the API's public address, for links")
    ] = None
    dashboard_url: Annotated[
        str | None, Field(description="the dashboard, for links to nodes")
    ] = None
    cors_origins: Annotated[
        tuple[str, ...],
        Field(description='pages whose scripts may call: a JSON list ("*" = any)'),
    ] = ()
    max_body: Annotated[int, Field(gt=0, description="largest request, in bytes")] = (
        8 << 20
    )
    development: Annotated[
        bool,
        Field(description="1 = accept weak secrets: never where others connect"),
    ] = False

    @model_validator(mode="after")
    def _good_secrets(self) -> Self:
        key = self.secret_key.read()
        if self.development:
            return self
        if is_placeholder(key) or len(key) < 32:
            raise ValueError(
                "KCI_SECRET_KEY is a placeholder or shorter than 32 characters;"
                " make one by: openssl rand -hex 32"
            )
        if self.admin_password and is_placeholder(self.admin_password.read()):
            raise ValueError("KCI_ADMIN_PASSWORD is a placeholder; choose another")
        return self
