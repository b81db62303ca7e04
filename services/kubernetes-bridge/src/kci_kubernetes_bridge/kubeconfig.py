# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kubeconfig file: the fields that the bridge reads, and those that it refuses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import (
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from kci_kubernetes_bridge.objects import Items
from kci_shared.errors import ConfigError

Entries = Items[dict[str, Any]]
Pem = Annotated[Base64Bytes, BeforeValidator(lambda value: value or b"")]


def _to_kebab(name: str) -> str:
    return name.replace("_", "-")


class _Entry(BaseModel):
    model_config = ConfigDict(
        alias_generator=_to_kebab,
        frozen=True,
        hide_input_in_errors=True,  # the file holds secrets
    )
    refused: ClassVar[dict[str, str]] = {}
    """Keys that the bridge does not support, each with a remedy."""

    @model_validator(mode="before")
    @classmethod
    def _must_be_supported(cls, entry: Any) -> Any:
        for key, remedy in cls.refused.items():
            if isinstance(entry, dict) and entry.get(key):
                raise ValueError(f"`{key}` is not supported: {remedy}")
        return entry


class Extension(BaseModel):
    """Settings of some other program, kept in a kubeconfig."""

    name: str
    extension: Any = None


class Cluster(_Entry):
    """The address of an API server, and how its certificate is checked."""

    refused = {
        "proxy-url": "use an address that the bridge reaches without a proxy",
        "tls-server-name": "use the name that stands in the server's certificate",
    }

    server: Annotated[str, Field(pattern=r"^https?://")]
    certificate_authority: Path | None = None
    certificate_authority_data: Pem = b""
    insecure_skip_tls_verify: bool = False
    extensions: Items[Extension] = []


class Variable(BaseModel):
    """An environment variable of a credential plugin."""

    name: str
    value: str


class ExecConfig(_Entry):
    """The credential plugin of an `exec` user."""

    model_config = ConfigDict(alias_generator=to_camel)

    api_version: Literal[
        "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
    ]
    command: Annotated[str, Field(min_length=1)]
    args: Items[str] = []
    env: Items[Variable] = []
    install_hint: str | None = None
    interactive_mode: Literal["Never", "IfAvailable"] = "IfAvailable"
    """`Always` is refused: a service has no terminal."""
    provide_cluster_info: bool = False


class User(_Entry):
    """The credentials of a client."""

    refused = {
        "auth-provider": "Kubernetes has removed it; let the cloud's tool write an "
        "`exec` user",
        "username": "use the token of a ServiceAccount",
        "password": "use the token of a ServiceAccount",
        "as": "log in as the account itself",
        "as-groups": "log in as the account itself",
        "as-uid": "log in as the account itself",
        "as-user-extra": "log in as the account itself",
    }

    token: SecretStr | None = None
    token_file: Annotated[Path | None, Field(alias="tokenFile")] = None
    client_certificate: Path | None = None
    client_certificate_data: Pem = b""
    client_key: Path | None = None
    client_key_data: Pem = b""
    plugin: Annotated[ExecConfig | None, Field(alias="exec")] = None


class Context(_Entry):
    """A cluster, a user of it, and a namespace."""

    cluster: str
    user: str
    namespace: str | None = None


class Kubeconfig(_Entry):
    """The lists of a kubeconfig; only the entries that are used are checked."""

    current_context: str | None = None
    contexts: Entries = []
    clusters: Entries = []
    users: Entries = []


@dataclass(frozen=True)
class Selection:
    """A context of a kubeconfig with its cluster and its user."""

    cluster: Cluster
    user: User
    namespace: str
    folder: Path
    """The file's folder: relative paths in it start here."""

    @classmethod
    def read(cls, file: Path, context: str | None = None) -> Self:
        """Read a kubeconfig's context, by default the current one.

        Raises `ConfigError`, which never repeats a value of the file.
        """
        try:
            config = Kubeconfig.model_validate(yaml.safe_load(file.read_text()))
            return cls._select(config, context or config.current_context, file.parent)
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{file}: not YAML{_line(error)}") from None
        except ValidationError as error:
            raise ConfigError(f"{file}: {_reasons(error)}") from error
        except LookupError as error:
            raise ConfigError(f"{file}: {error.args[0]}") from error

    def pem(self, data: bytes, file: Path | None) -> bytes:
        """Return what an entry holds as data, or names as a file; empty if neither."""
        return data or ((self.folder / file).read_bytes() if file else b"")

    @classmethod
    def _select(cls, config: Kubeconfig, name: str | None, folder: Path) -> Self:
        context = Context.model_validate(_entry(config.contexts, "context", name))
        return cls(
            Cluster.model_validate(_entry(config.clusters, "cluster", context.cluster)),
            User.model_validate(_entry(config.users, "user", context.user)),
            context.namespace or "default",
            folder,
        )


def _entry(entries: list[dict[str, Any]], kind: str, name: str | None) -> Any:
    for entry in entries:
        if entry.get("name") == name:
            return entry.get(kind) or {}
    raise LookupError(f"no {kind} is named {name!r}")


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}" if mark else ""


def _reasons(error: ValidationError) -> str:
    """Return the mistakes with their places, but without the values."""
    reasons = []
    for one in error.errors(include_input=False, include_url=False):
        where = "".join(f"{part}: " for part in one["loc"])
        reasons.append(f"{where}{one['msg'].removeprefix('Value error, ')}")
    return "; ".join(reasons)
