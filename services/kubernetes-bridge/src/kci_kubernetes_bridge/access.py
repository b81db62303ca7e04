# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a cluster is reached: as one of its pods, or by a kubeconfig."""

import base64
import os
import ssl
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from kci_kubernetes_bridge.lab import Lab
from kci_shared.errors import ConfigError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PROGRAMS = {"exec", "auth-provider"}
UNSUPPORTED = {"username", "password", "as", "as-groups", "as-uid", "as-user-extra"}
UNSUPPORTED_OF_CLUSTER = {"proxy-url", "tls-server-name"}


class TokenFile(httpx.Auth):
    """A bearer token, read for each request: the cluster changes it within the hour."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token of this moment."""
        try:
            token = self._file.read_text().strip()
        except OSError as error:
            raise httpx.TransportError(f"{self._file}: {error.strerror}") from error
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


class Token(httpx.Auth):
    """A bearer token that stays as it is."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@dataclass(frozen=True)
class Access:
    """A namespace of a cluster, and who we are there."""

    url: str
    namespace: str
    tls: ssl.SSLContext | bool
    auth: httpx.Auth | None = None


def find_access(lab: Lab, account: Path = ACCOUNT) -> Access:
    """Return the way to a lab's cluster; `ConfigError` says what is missing."""
    if lab.kubeconfig is None:
        return in_cluster(lab, account, os.environ)
    try:
        told = yaml.safe_load(lab.kubeconfig.read_text())
        return by_kubeconfig(lab, told, lab.kubeconfig.parent)
    except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{lab.kubeconfig}: {error}") from error


def in_cluster(lab: Lab, account: Path, env: Mapping[str, str]) -> Access:
    """Return the way that a pod has, with its ServiceAccount."""
    host = env.get("KUBERNETES_SERVICE_HOST")
    if not host or not (account / "token").exists():
        raise ConfigError(
            "this is no pod with a ServiceAccount: "
            "run the bridge in the cluster, or name a `kubeconfig` in the lab's file"
        )
    port = env.get("KUBERNETES_SERVICE_PORT", "443")
    name = f"[{host}]" if ":" in host else host
    return Access(
        url=f"https://{name}:{port}",
        namespace=lab.namespace or (account / "namespace").read_text().strip(),
        tls=ssl.create_default_context(cafile=account / "ca.crt"),
        auth=TokenFile(account / "token"),
    )


def by_kubeconfig(lab: Lab, told: Any, folder: Path) -> Access:
    """Return the way that a kubeconfig names."""
    name = lab.context or told.get("current-context")
    context = _named(told, "context", name)
    cluster = _named(told, "cluster", context.get("cluster"))
    user = _named(told, "user", context.get("user"))
    _check_supported(cluster, user)
    tls = _tls(cluster, folder)
    if chain := _pem(user, "client-certificate", folder):
        _load_chain(tls, chain, _pem(user, "client-key", folder) or b"")
    return Access(
        url=str(cluster["server"]),
        namespace=lab.namespace or context.get("namespace") or "default",
        tls=tls,
        auth=_auth(user, folder),
    )


def _named(told: Any, kind: str, name: Any) -> dict[str, Any]:
    """Return an entry of one of the kubeconfig's lists."""
    for entry in told.get(f"{kind}s") or []:
        if entry.get("name") == name:
            found: dict[str, Any] = entry.get(kind) or {}
            return found
    raise ConfigError(f"the kubeconfig has no {kind} {name!r}")


def _check_supported(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    if found := sorted(PROGRAMS & user.keys()):
        raise ConfigError(
            f"the kubeconfig's user logs in by a program ({', '.join(found)}), "
            "which is not supported: run the bridge in the cluster, "
            "or use the token of a ServiceAccount"
        )
    odd = [*(UNSUPPORTED & user.keys()), *(UNSUPPORTED_OF_CLUSTER & cluster.keys())]
    if odd:
        said = ", ".join(sorted(odd))
        raise ConfigError(f"the kubeconfig has {said}, which is not supported")
    if not str(cluster.get("server", "")).startswith(("https://", "http://")):
        raise ConfigError("the kubeconfig's cluster has no `server: https://...`")


def _auth(user: dict[str, Any], folder: Path) -> httpx.Auth | None:
    if token := user.get("token"):
        return Token(str(token))
    if file := user.get("tokenFile"):
        return TokenFile(folder / file)
    return None


def _tls(cluster: dict[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _pem(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(
        cadata=authority.decode() if authority else None
    )
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _pem(entry: dict[str, Any], key: str, folder: Path) -> bytes | None:
    """Return what an entry holds as data, or names as a file."""
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(data)
    return (folder / entry[key]).read_bytes() if key in entry else None


def _load_chain(tls: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Present a client certificate; Python takes it from a file only."""
    with tempfile.NamedTemporaryFile() as file:  # which only we can read
        file.write(chain + b"\n" + key)
        file.flush()
        tls.load_cert_chain(file.name)
