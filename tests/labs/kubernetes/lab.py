# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real Kubernetes API server on one machine, for tests, with a simulated node.

    lab.py up STATE     start all processes that do not run, print the URL and tokens
    lab.py down STATE   stop them

build.py builds the programs. All of them listen on loopback only.
"""

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import yaml

from kci_local.ports import Ports
from kci_local.processes import Process, Processes

HERE = Path(__file__).parent
MANIFESTS = HERE.parents[2] / "services" / "kubernetes-bridge" / "manifests"
BIN = Path("/var/tmp/kci-kubernetes/bin")  # noqa: S108 - where build.py leaves them
CONTROLLERS = "job,ttl-after-finished,namespace,garbagecollector,podgc"
NAMESPACE = "kernelci"
PATHS = {
    "ServiceAccount": "api/v1/namespaces/kernelci/serviceaccounts",
    "Role": "apis/rbac.authorization.k8s.io/v1/namespaces/kernelci/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/namespaces/kernelci/rolebindings",
}


class NoKubernetes(Exception):
    """It cannot run here; the message says what to do."""


class Lab:
    """An API server with its store, its controllers and a node, in a state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state.absolute()
        self.state.mkdir(parents=True, exist_ok=True)
        self.ports = Ports(self.state)
        self.processes = Processes(self.state)

    @cached_property
    def token(self) -> str:
        """The administrator's token, generated once."""
        file = self.state / "tokens.csv"
        if not file.exists():
            file.touch(0o600)
            made = secrets.token_hex(16)
            file.write_text(f'{made},admin,admin,"system:masters"\n')
        return file.read_text().partition(",")[0]

    @property
    def url(self) -> str:
        """The URL of the API server."""
        return f"https://127.0.0.1:{self.ports['api']}"

    @property
    def authority(self) -> Path:
        """The certificate that the API server's own is checked by."""
        return self.state / "certs" / "apiserver.crt"

    async def up(self) -> dict[str, str]:
        """Start all processes, and apply the bridge's rbac.yaml."""
        if not (BIN / "kube-apiserver").exists() or not shutil.which("etcd"):
            raise NoKubernetes("run tests/labs/kubernetes/build.py as root")
        self._make_key()
        for part in (self._etcd(), self.api_server()):
            await self.processes.start(part)
            await self.processes.until_ready(part)
        async with httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"},
            verify=False, timeout=30, trust_env=False,  # noqa: S501 - on loopback
        ) as http:  # fmt: skip
            await self._until_ready(http)
            self._write_kubeconfig("admin", self.token)
            for part in (self._controllers(), self._node()):
                await self.processes.start(part)
            token = await self._let_in(http)
        return {
            "url": self.url,
            "token": self.token,
            "kubeconfig": str(self._write_kubeconfig("bridge", token)),
        }

    def _make_key(self) -> None:
        """Generate the key that signs the tokens of accounts."""
        key = self.state / "sa.key"
        if not key.exists():
            make = ["openssl", "genrsa", "-out", str(key), "2048"]
            subprocess.run(make, check=True, capture_output=True)

    async def _until_ready(self, http: httpx.AsyncClient) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    if (await http.get("/readyz")).is_success:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    async def _let_in(self, http: httpx.AsyncClient) -> str:
        """Create the bridge's account and its rights; return a token of it."""
        body: dict[str, Any] = {"metadata": {"name": NAMESPACE}}
        await http.post("/api/v1/namespaces", json=body)
        for manifest in yaml.safe_load_all((MANIFESTS / "rbac.yaml").read_text()):
            answer = await http.post(f"/{PATHS[manifest['kind']]}", json=manifest)
            if not answer.is_success and answer.status_code != httpx.codes.CONFLICT:
                raise NoKubernetes(f"rbac.yaml: {answer.text}")
        path = f"/{PATHS['ServiceAccount']}/kubernetes-bridge/token"
        answer = await http.post(path, json={"spec": {"audiences": []}})
        token: str = answer.raise_for_status().json()["status"]["token"]
        return token

    def _write_kubeconfig(self, user: str, token: str) -> Path:
        about = {"server": self.url, "certificate-authority": str(self.authority)}
        context = {"cluster": "c", "user": user, "namespace": NAMESPACE}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "contexts": [{"name": "x", "context": context}],
            "clusters": [{"name": "c", "cluster": about}],
            "users": [{"name": user, "user": {"token": token}}],
        }
        file = self.state / f"{user}.kubeconfig"
        file.touch(0o600)
        file.write_text(yaml.safe_dump(config))
        return file

    def _etcd(self) -> Process:
        clients, peers = (f"http://127.0.0.1:{self.ports[p]}" for p in ("etcd", "peer"))
        return Process(
            "etcd",
            [
                "etcd", "--data-dir", str(self.state / "etcd"),
                "--listen-client-urls", clients, "--advertise-client-urls", clients,
                "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
                "--initial-cluster", f"default={peers}",
            ],
            health=f"{clients}/health",
        )  # fmt: skip

    def api_server(self) -> Process:
        """Return the API server's command line."""
        key, port = str(self.state / "sa.key"), self.ports["api"]
        assert self.token
        return Process(
            "api-server",
            [
                str(BIN / "kube-apiserver"),
                "--etcd-servers", f"http://127.0.0.1:{self.ports['etcd']}",
                "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1",
                "--secure-port", str(port), "--insecure-port", "0",
                "--cert-dir", str(self.state / "certs"),
                "--token-auth-file", str(self.state / "tokens.csv"),
                "--service-account-key-file", key,
                "--service-account-signing-key-file", key,
                "--service-account-issuer", "https://kubernetes.default",
                "--authorization-mode", "RBAC",
                "--disable-admission-plugins", "ServiceAccount",
                "--service-cluster-ip-range", "10.0.0.0/24",
            ],
            port=port,
        )  # fmt: skip

    def _controllers(self) -> Process:
        return Process(
            "controllers",
            [
                str(BIN / "kube-controller-manager"),
                "--kubeconfig", str(self.state / "admin.kubeconfig"),
                "--controllers", CONTROLLERS, "--leader-elect=false",
                "--feature-gates", "TTLAfterFinished=true",
                "--port", "0", "--secure-port", "0",
            ],
        )  # fmt: skip

    def _node(self) -> Process:
        port, folder = str(self.ports["node"]), str(self.state / "node")
        command = [sys.executable, "-m", "labs.kubernetes.node", self.url, self.token]
        env = {"PYTHONPATH": str(HERE.parents[1])}
        return Process("node", [*command, folder, port], env)

    async def down(self) -> None:
        """Stop everything."""
        for name in reversed(self.processes.running()):
            await self.processes.stop(name)


async def main(do: str, state: str) -> None:
    lab = Lab(Path(state))
    if do == "down":
        await lab.down()
        return
    print(json.dumps(await lab.up()))  # noqa: T201 - the answer


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except NoKubernetes as error:
        sys.exit(str(error))
