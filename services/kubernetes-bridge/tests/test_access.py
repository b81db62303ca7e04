# SPDX-License-Identifier: LGPL-2.1-or-later
import base64
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from kubernetes_bridge_fakes import Body, a_lab

from kci_kubernetes_bridge.access import Access, find_access, in_cluster
from kci_shared.channels.sightings import NoToken
from kci_shared.errors import ConfigError


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("pem")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    names = ["-keyout", "key", "-out", "cert", "-subj", "/CN=n"]
    subprocess.run([*make.split(), *names], cwd=folder, check=True, capture_output=True)
    return {name: (folder / name).read_bytes() for name in ("key", "cert")}


async def authorization(access: Access) -> str | None:
    """Return what the cluster would be shown."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers.get("Authorization", ""))

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, auth=access.auth) as http:
        return (await http.get("http://k/")).text or None


async def test_a_pods_token_is_read_again_as_it_changes(
    tmp_path: Path, pem: dict[str, bytes]
) -> None:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("kernelci")
    (tmp_path / "ca.crt").write_bytes(pem["cert"])
    env = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = in_cluster(a_lab(), tmp_path, env)
    assert (access.url, access.namespace) == ("https://[fd00::1]:6443", "kernelci")
    assert await authorization(access) == "Bearer first"
    (tmp_path / "token").write_text("second")
    assert await authorization(access) == "Bearer second"
    (tmp_path / "token").unlink()
    with pytest.raises(NoToken, match="No such file"):
        await authorization(access)
    (tmp_path / "token").write_text("a secret\nof two lines")
    with pytest.raises(NoToken) as refused:
        await authorization(access)
    assert "secret" not in str(refused.value)
    (tmp_path / "token").write_text("third")
    assert in_cluster(a_lab(namespace="mine"), tmp_path, env).namespace == "mine"


def test_a_service_account_without_a_certificate_is_a_config_error(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("kernelci")
    with pytest.raises(ConfigError, match="No such file"):
        find_access(a_lab(), tmp_path, {"KUBERNETES_SERVICE_HOST": "k"})


def test_outside_a_cluster_there_must_be_a_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name a `kubeconfig`"):
        find_access(a_lab(), tmp_path)


def kubeconfig(user: Body | None, **cluster: object) -> Body:
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


def find(folder: Path, config: object, **lab: object) -> Access:
    """Write a kubeconfig, and read it as the bridge does."""
    file = folder / "kubeconfig"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return find_access(a_lab(kubeconfig=file, **lab))


async def test_a_kubeconfig_has_a_token(tmp_path: Path) -> None:
    access = find(tmp_path, kubeconfig({"token": "t"}))
    assert (access.url, access.namespace) == ("https://k:6443", "n")
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert await authorization(access) == "Bearer t"
    (tmp_path / "token").write_text("of-the-file")
    access = find(tmp_path, kubeconfig({"tokenFile": "token"}))
    assert await authorization(access) == "Bearer of-the-file"


async def test_a_kubeconfig_has_a_client_certificate(
    tmp_path: Path, pem: dict[str, bytes]
) -> None:
    data = {name: base64.b64encode(content).decode() for name, content in pem.items()}
    user = {"client-certificate-data": data["cert"], "client-key-data": data["key"]}
    authority = {"certificate-authority-data": data["cert"]}
    access = find(tmp_path, kubeconfig(user, **authority))
    assert len(access.tls.get_ca_certs()) == 1
    assert await authorization(access) is None
    (tmp_path / "cert").write_bytes(pem["cert"])
    (tmp_path / "key").write_bytes(pem["key"])
    user = {"client-certificate": "cert", "client-key": "key"}
    find(tmp_path, kubeconfig(user, **{"certificate-authority": "cert"}))
    with pytest.raises(ConfigError):
        find(tmp_path, kubeconfig({**user, "client-key": "cert"}))


def test_a_check_of_the_certificate_can_be_switched_off(tmp_path: Path) -> None:
    access = find(tmp_path, kubeconfig(None, **{"insecure-skip-tls-verify": True}))
    assert access.tls.verify_mode is ssl.CERT_NONE


NO_TERMINAL = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": "sh",
    "interactiveMode": "Always",
}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (kubeconfig({"auth-provider": {"name": "s3cret"}}), "write an `exec` user"),
        (kubeconfig({"username": "u", "password": "s3cret"}), "`username` is not supp"),
        (kubeconfig({"token": "s3cret"}, **{"proxy-url": "http://p"}), "`proxy-url`"),
        (kubeconfig({"token": "s3cret"}, server="k"), "server: String should match"),
        (kubeconfig({"exec": {"command": "s3cret"}}), "exec: apiVersion: Field requir"),
        (kubeconfig({"exec": NO_TERMINAL}), "exec: interactiveMode: Input should be"),
        ({**kubeconfig({}), "current-context": "z"}, "no context is named 'z'"),
        ({**kubeconfig({}), "current-context": "y"}, "no user is named 'nobody'"),
        ([], "kubeconfig: Input should be"),
        ("a: [s3cret\nb: {", "kubeconfig: not YAML: line 2"),
        (kubeconfig({"client-certificate": "none"}), "No such file"),
        (kubeconfig({"client-certificate-data": "s3cret"}), "client-certificate-data"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_refused_without_its_secrets(
    tmp_path: Path, config: object, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        find(tmp_path, config)
    assert "s3cret" not in str(refused.value)
