# SPDX-License-Identifier: LGPL-2.1-or-later
"""The services that exist, as `services.toml` lists them."""

import importlib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kci_shared.settings import BaseServiceSettings

LIST = Path(__file__).with_name("services.toml")


class Service(BaseModel):
    """One service, with what the other lists need."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    token: bool = True
    """Whether it has a token of its own."""
    scopes: list[str] = ["nodes:write"]
    """What its token permits, beside running the jobs of `runtime`."""
    runtime: str | None = None
    """The default name of the lab whose jobs it runs; operators may choose another."""
    on_request: bool = False
    """Whether `kci-local up` starts it only if it is named."""
    starts_alone: bool = False
    """Whether `kci-local` starts it in a way of its own, before the others."""
    serves_http: bool = False
    """Whether it may use FastAPI."""
    own_compose: bool = False
    """Whether its part of compose.yaml is written by hand: ports, volumes, settings."""
    profile: str | None = None
    """Of compose.yaml: it starts only with this profile."""
    sends: str = ""
    """What it sends to the API: the label of its arrow in the picture."""
    outside: list[str] = []
    """Its arrows to systems outside, as mermaid."""

    @property
    def package(self) -> str:
        """The name of its Python package."""
        return f"kci_{self.name.replace('-', '_')}"

    @property
    def permissions(self) -> list[str]:
        """The scopes of its token."""
        runtime = [f"runtime:{self.runtime}"] if self.runtime else []
        return [*self.scopes, *runtime]

    def settings(self) -> type[BaseServiceSettings]:
        """Return the class that reads its settings."""
        module = importlib.import_module(f"{self.package}.settings")
        settings: type[BaseServiceSettings] = module.Settings
        return settings


def read_services(path: Path = LIST) -> list[Service]:
    """Read the list, in its order; raises `ValidationError` for an unknown key."""
    tables = tomllib.loads(path.read_text())
    return [Service(name=name, **table) for name, table in tables.items()]


SERVICES = read_services()
