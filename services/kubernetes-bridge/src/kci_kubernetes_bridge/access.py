# SPDX-License-Identifier: LGPL-2.1-or-later
"""How to reach a cluster: from one of its pods, or by a kubeconfig."""

import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from kci_kubernetes_bridge.credentials import PluginToken, Token, TokenFile
from kci_kubernetes_bridge.exec_info import open_plugin
from kci_kubernetes_bridge.lab_file import Lab
from kci_kubernetes_bridge.selection import Selection
from kci_shared.errors import ConfigError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Access:
    """The address of a cluster, a namespace of it, and our credentials."""

    url: str
    namespace: str
    tls: ssl.SSLContext
    auth: httpx.Auth | None = None


def find_access(
    lab: Lab, account: Path = ACCOUNT, env: Mapping[str, str] = os.environ
) -> Access:
    """Return the access to a lab's cluster; `ConfigError` says what is missing."""
    try:
        if lab.kubeconfig is None:
            return in_cluster(lab, account, env)
        selected = Selection.read(lab.kubeconfig, lab.context)
        return by_kubeconfig(lab, selected, env)
    except (OSError, ValueError) as error:  # a missing or invalid certificate or key
        raise ConfigError(f"{lab.kubeconfig or account}: {error}") from error


def in_cluster(lab: Lab, account: Path, env: Mapping[str, str]) -> Access:
    """Return the access of a pod, by its ServiceAccount."""
    host = env.get("KUBERNETES_SERVICE_HOST")
    if not host or not (account / "token").exists():
        raise ConfigError(
            "no kubeconfig, and not in a pod with a ServiceAccount: "
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


def by_kubeconfig(lab: Lab, selected: Selection, env: Mapping[str, str]) -> Access:
    """Return the access that a context of a kubeconfig describes."""
    return Access(
        url=selected.cluster.server,
        namespace=lab.namespace or selected.namespace,
        tls=_tls(selected),
        auth=_auth(selected, env),
    )


def _auth(selected: Selection, env: Mapping[str, str]) -> httpx.Auth | None:
    user = selected.user
    if user.token:
        return Token(user.token.get_secret_value())
    if user.token_file:
        return TokenFile(selected.folder / user.token_file)
    if user.plugin:
        return PluginToken(open_plugin(user.plugin, selected, env))
    return None


def _tls(selected: Selection) -> ssl.SSLContext:
    cluster, user = selected.cluster, selected.user
    authority = selected.pem(
        cluster.certificate_authority_data, cluster.certificate_authority
    )
    tls = ssl.create_default_context(cadata=authority.decode() or None)
    if cluster.insecure_skip_tls_verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    chain = selected.pem(user.client_certificate_data, user.client_certificate)
    if chain:
        key = selected.pem(user.client_key_data, user.client_key)
        _load_chain(tls, chain, key)
    return tls


def _load_chain(tls: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Present a client certificate; Python takes it from a file only."""
    with tempfile.NamedTemporaryFile() as file:  # which only we can read
        file.write(chain + b"\n" + key)
        file.flush()
        tls.load_cert_chain(file.name)
