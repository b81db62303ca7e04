# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the API is told."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from kci_api.callers.rules import is_placeholder
from kci_shared.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """Where to listen, where the stores are, and the secrets."""

    host: Annotated[str, Field(description="address to serve on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port to serve on")] = 8001
    mongo_url: Annotated[
        str, Field(description="MongoDB (a replica set), with the database's name")
    ] = "mongodb://127.0.0.1:27017/kernelci?directConnection=true"
    redis_url: Annotated[str, Field(description="Redis, which has the streams")] = (
        "redis://127.0.0.1:6379/0"
    )
    secret_key: Annotated[
        SecretStr | None,
        Field(description="signs all tokens: 32 random characters or more"),
    ] = None
    secret_key_file: Annotated[
        Path | None, Field(description="a file that holds the key instead")
    ] = None
    admin_user: Annotated[
        str | None,
        Field(description="the first administrator, made at start if missing"),
    ] = None
    admin_email: Annotated[
        str, Field(description="the first administrator's address")
    ] = "admin@localhost"
    admin_password: Annotated[
        SecretStr | None, Field(description="the first administrator's password")
    ] = None
    admin_password_file: Annotated[
        Path | None, Field(description="a file that holds the password instead")
    ] = None
    login_hours: Annotated[
        float, Field(gt=0, le=24 * 30, description="how long a login holds")
    ] = 12
    event_days: Annotated[
        float, Field(gt=0, description="how long events can be asked for again")
    ] = 7
    public_url: Annotated[
        str | None, Field(description="where people reach the API, for links")
    ] = None
    dashboard_url: Annotated[
        str | None, Field(description="the dashboard, to which links to nodes lead")
    ] = None
    cors_origins: Annotated[
        tuple[str, ...],
        Field(description='pages whose scripts may call: a JSON list ("*" = any)'),
    ] = ()
    max_body: Annotated[
        int, Field(gt=0, description="how many bytes a request may have")
    ] = 8 << 20
    development: Annotated[
        bool, Field(description="1 = weak secrets are fine: never where others reach")
    ] = False

    @model_validator(mode="after")
    def _good_secrets(self) -> Self:
        key = self.read_secret_key()
        if self.development:
            return self
        if is_placeholder(key) or len(key) < 32:
            raise ValueError(
                "KCI_SECRET_KEY is a placeholder or shorter than 32 characters;"
                " make one by: openssl rand -hex 32"
            )
        password = self.read_admin_password()
        if password is not None and is_placeholder(password):
            raise ValueError("KCI_ADMIN_PASSWORD is a placeholder; choose another")
        return self

    def read_secret_key(self) -> str:
        """Return the key that signs tokens, wherever it is kept."""
        key = _read(self.secret_key, self.secret_key_file)
        if not key:
            raise ValueError("set KCI_SECRET_KEY or KCI_SECRET_KEY_FILE")
        return key

    def read_admin_password(self) -> str | None:
        """Return the first administrator's password, wherever it is kept."""
        return _read(self.admin_password, self.admin_password_file)


def _read(value: SecretStr | None, file: Path | None) -> str | None:
    if file is not None:
        return file.read_text().strip()
    return value.get_secret_value() if value is not None else None
