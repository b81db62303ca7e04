# SPDX-License-Identifier: LGPL-2.1-or-later
import base64
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from kci_kubernetes_bridge.access import Access, find_access, in_cluster
from kci_shared.errors import ConfigError


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("pem")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    names = ["-keyout", "key", "-out", "cert", "-subj", "/CN=n"]
    subprocess.run([*make.split(), *names], cwd=folder, check=True, capture_output=True)
    return {name: (folder / name).read_bytes() for name in ("key", "cert")}


async def authorization(access: Access) -> str | None:
    """Tell what the cluster would be shown."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers.get("Authorization", ""))

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, auth=access.auth) as http:
        return (await http.get("http://k/")).text or None


async def test_a_pods_token_is_read_again_as_it_changes(
    lab: Any, tmp_path: Path, pem: dict[str, bytes]
) -> None:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("kernelci")
    (tmp_path / "ca.crt").write_bytes(pem["cert"])
    env = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = in_cluster(lab(), tmp_path, env)
    assert (access.url, access.namespace) == ("https://[fd00::1]:6443", "kernelci")
    assert await authorization(access) == "Bearer first"
    (tmp_path / "token").write_text("second")
    assert await authorization(access) == "Bearer second"
    assert in_cluster(lab(namespace="mine"), tmp_path, env).namespace == "mine"


def test_outside_a_cluster_there_must_be_a_kubeconfig(lab: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name a `kubeconfig`"):
        find_access(lab(), tmp_path)


def kubeconfig(user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    there = {"server": "https://k:6443", **cluster}
    return {
        "current-context": "x",
        "contexts": [
            {"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}},
            {"name": "y", "context": {"cluster": "c", "user": "nobody"}},
        ],
        "clusters": [{"name": "c", "cluster": there}],
        "users": [{"name": "u", "user": user}],
    }


@pytest.fixture
def find(lab: Any, tmp_path: Path) -> Any:
    def from_file(told: Any, **changes: Any) -> Access:
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(told))
        return find_access(lab(kubeconfig=file, **changes))

    return from_file


async def test_a_kubeconfig_has_a_token(find: Any, tmp_path: Path) -> None:
    access = find(kubeconfig({"token": "t"}))
    assert (access.url, access.namespace) == ("https://k:6443", "n")
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert await authorization(access) == "Bearer t"
    (tmp_path / "token").write_text("from the file")
    access = find(kubeconfig({"tokenFile": "token"}))
    assert await authorization(access) == "Bearer from the file"


async def test_a_kubeconfig_has_a_client_certificate(
    find: Any, tmp_path: Path, pem: dict[str, bytes]
) -> None:
    data = {name: base64.b64encode(content).decode() for name, content in pem.items()}
    user = {"client-certificate-data": data["cert"], "client-key-data": data["key"]}
    access = find(kubeconfig(user, **{"certificate-authority-data": data["cert"]}))
    assert len(access.tls.get_ca_certs()) == 1
    assert await authorization(access) is None
    (tmp_path / "cert").write_bytes(pem["cert"])
    (tmp_path / "key").write_bytes(pem["key"])
    find(kubeconfig({"client-certificate": "cert", "client-key": "key"}))
    with pytest.raises(ConfigError):
        find(kubeconfig({"client-certificate": "cert", "client-key": "cert"}))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (kubeconfig({"exec": {"command": "gke"}}), "run the bridge in the cluster"),
        (kubeconfig({"auth-provider": {}}), "logs in by a program"),
        (kubeconfig({"username": "u", "password": "p"}), "password, username"),
        (kubeconfig({"token": "t"}, **{"proxy-url": "http://p"}), "proxy-url"),
        (kubeconfig({"token": "t"}, server="k"), "server: https"),
        ({**kubeconfig({}), "current-context": "z"}, "no context 'z'"),
        ({**kubeconfig({}), "current-context": "y"}, "no user 'nobody'"),
        ([], "kubeconfig"),
        (kubeconfig({"client-certificate": "none"}), "No such file"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_refused(
    find: Any, told: Any, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        find(told)
    assert "gke" not in str(refused.value)
