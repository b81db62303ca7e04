# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of every service: `KCI_*` variables, or files for secrets."""

from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from kci_shared.secret import Secret, collect, is_secret

PREFIX = "KCI_"


class LogFormat(StrEnum):
    """How a log line looks."""

    JSON = "json"
    PRETTY = "pretty"


class _Environment(EnvSettingsSource):
    """The environment, with the files of secrets beside the secrets."""

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        if is_secret(field):  # text, though a `Secret` is no plain type
            return value
        return super().prepare_field_value(field_name, field, value, value_is_complex)

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        for name, field in self.settings_cls.model_fields.items():
            file = self.env_vars.get(f"{PREFIX}{name}_file".lower())
            if is_secret(field) and file:
                values[f"{name}_file"] = file
        return values


class BaseServiceSettings(BaseSettings):
    """Settings of any process of ours."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment."""
        return init_settings, _Environment(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _collect_secrets(cls, given: dict[str, Any]) -> dict[str, Any]:
        return collect(cls.model_fields, PREFIX, given)


class ClientSettings(BaseServiceSettings):
    """Settings of a client of the API."""

    api_url: Annotated[
        str, Field(description="the API's address, such as http://127.0.0.1:8001")
    ]
    token: Annotated[Secret, Field(description="the service's API token")]


class ServiceSettings(ClientSettings):
    """Settings of a service next to the API: it reads events from Redis."""

    redis_url: Annotated[str, Field(description="the event streams")] = (
        "redis://127.0.0.1:6379/0"
    )
    trees_at_once: Annotated[
        int, Field(gt=0, description="events of how many trees are handled at once")
    ] = 8
    reconcile_every: Annotated[
        float,
        Field(gt=0, description="seconds between sweeps for work without an event"),
    ] = 300.0


class Variable(NamedTuple):
    """One environment variable, as documentation shows it."""

    name: str
    default: str
    """Empty without a default; `(required)` if it must be set."""
    description: str


def variables(fields: dict[str, FieldInfo]) -> Iterator[Variable]:
    """List the variables of settings; a secret has two, one of which is set."""
    for field, about in fields.items():
        name = f"{PREFIX}{field}".upper()
        description = about.description or ""
        if not is_secret(about):
            yield Variable(name, _default(about), description)
            continue
        required = f"(required, or {name}_FILE)" if about.is_required() else ""
        yield Variable(name, required, description)
        yield Variable(f"{name}_FILE", "", f"a file that holds {name} instead")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None:
        return ""
    return str(default.value if isinstance(default, Enum) else default)
