# SPDX-License-Identifier: LGPL-2.1-or-later
"""The entries of a kubeconfig: the fields that the bridge reads or refuses."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic.alias_generators import to_camel

from kci_kubernetes_bridge.objects import Items

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
