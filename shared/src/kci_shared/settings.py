# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every service is told from outside: `KCI_*` variables, or files for secrets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class LogFormat(StrEnum):
    """How a log line looks."""

    JSON = "json"
    PRETTY = "pretty"


class BaseServiceSettings(BaseSettings):
    """What any process of ours is told."""

    model_config = SettingsConfigDict(env_prefix="KCI_", frozen=True, extra="ignore")

    log_format: Annotated[
        LogFormat, Field(description="json for machines, pretty for a terminal")
    ] = LogFormat.JSON
    log_level: Annotated[str, Field(description="debug, info, warning or error")] = (
        "info"
    )
    health_port: Annotated[
        int,
        Field(ge=0, le=65535, description="/health, /ready, /metrics; 0 = none"),
    ] = 0
    health_host: Annotated[
        str, Field(description="address that the health port listens on")
    ] = "127.0.0.1"


class ClientSettings(BaseServiceSettings):
    """What a client of the API is told."""

    api_url: Annotated[
        str, Field(description="the API's address, such as http://127.0.0.1:8001")
    ]
    token: Annotated[SecretStr | None, Field(description="the service's API token")] = (
        None
    )
    token_file: Annotated[
        Path | None, Field(description="a file that holds the token instead")
    ] = None

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("set either KCI_TOKEN or KCI_TOKEN_FILE")
        return self

    def read_token(self) -> str:
        """Return the API token, wherever it is kept."""
        if self.token_file is not None:
            return self.token_file.read_text().strip()
        assert self.token is not None
        return self.token.get_secret_value()


class ServiceSettings(ClientSettings):
    """What a service next to the API is told: it reads events from Redis."""

    redis_url: Annotated[str, Field(description="the event streams")] = (
        "redis://127.0.0.1:6379/0"
    )
