# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prepares a credential plugin: its program, its arguments, its environment."""

import base64
import json
import shutil
from collections.abc import Mapping
from typing import Any

from kci_kubernetes_bridge.exec_plugin import CredentialPlugin
from kci_kubernetes_bridge.kubeconfig import ExecConfig
from kci_kubernetes_bridge.selection import Selection
from kci_shared.errors import ConfigError

CLUSTER_CONFIG = "client.authentication.k8s.io/exec"
"""The extension of a kubeconfig's cluster that plugins are given."""
OWN_SETTINGS = "KCI_"
"""The prefix of the bridge's own variables, one of which holds its token."""


def open_plugin(
    config: ExecConfig, selected: Selection, env: Mapping[str, str]
) -> CredentialPlugin:
    """Prepare a plugin; raises `ConfigError` if its program is not installed."""
    named = config.command
    path = str(selected.folder / named) if "/" in named else named
    program = shutil.which(path, path=env.get("PATH"))
    if program is None:
        hint = " ".join((config.install_hint or "install it").split())
        raise ConfigError(f"credential plugin {named}: not installed; {hint}")
    inherited = {n: v for n, v in env.items() if not n.startswith(OWN_SETTINGS)}
    own = {one.name: one.value for one in config.env}
    info = {"KUBERNETES_EXEC_INFO": json.dumps(_exec_info(config, selected))}
    return CredentialPlugin(
        [program, *config.args], {**inherited, **own, **info}, config.api_version
    )


def _exec_info(config: ExecConfig, selected: Selection) -> dict[str, Any]:
    """Return the value of KUBERNETES_EXEC_INFO."""
    spec: dict[str, Any] = {"interactive": False}
    if config.provide_cluster_info:
        spec["cluster"] = _cluster_info(selected)
    return {"apiVersion": config.api_version, "kind": "ExecCredential", "spec": spec}


def _cluster_info(selected: Selection) -> dict[str, Any]:
    cluster = selected.cluster
    authority = selected.pem(
        cluster.certificate_authority_data, cluster.certificate_authority
    )
    configs = [e.extension for e in cluster.extensions if e.name == CLUSTER_CONFIG]
    return {
        "server": cluster.server,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "config": configs[0] if configs else None,
    }
