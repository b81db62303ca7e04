# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kubeconfigs of clouds: a program prints tokens, which expire."""

import asyncio
import json
import traceback
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import yaml
from kubernetes_bridge_fakes import (
    JOBS,
    Body,
    Clusters,
    FakeCluster,
    Jobs,
    a_lab,
    until,
)

from kci_fakes.api import FakeApi
from kci_kubernetes_bridge import exec_plugin
from kci_kubernetes_bridge.access import Access, find_access
from kci_kubernetes_bridge.credentials import (
    MARGIN_S,
    RERUN_S,
    Credential,
    PluginToken,
)
from kci_kubernetes_bridge.exec_info import CLUSTER_CONFIG
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.objects import Job
from kci_kubernetes_bridge.refusals import Away, Denied
from kci_shared.channels.sightings import NoToken
from kci_shared.errors import ConfigError
from kci_shared.models import Result

API = "client.authentication.k8s.io/v1"
SECRET = "s3cret"
PRINTS_NEXT = """\
echo run >>runs
cat answer
"""


class Cloud:
    """A folder with a kubeconfig, and the program that it logs in by."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: Body = {}

    def program(self, script: str = PRINTS_NEXT) -> None:
        file = self.folder / "login"
        file.write_text(f"#!/bin/sh\ncd {self.folder}\n{script}")
        file.chmod(0o700)

    def hands_out(self, token: str, **status: object) -> None:
        answer = {"apiVersion": API, "kind": "ExecCredential"}
        whole = {**answer, "status": {"token": token, **status}}
        (self.folder / "answer").write_text(json.dumps(whole))

    @property
    def runs(self) -> int:
        """How often the program has run."""
        file = self.folder / "runs"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def access(self, **env: str) -> Access:
        """Read the kubeconfig as the bridge does."""
        exec_user = {"apiVersion": API, "command": "./login", **self.settings}
        cluster = {
            "server": "https://k:6443",
            "insecure-skip-tls-verify": True,
            "extensions": [{"name": CLUSTER_CONFIG, "extension": {"a": "b"}}],
        }
        config = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"exec": exec_user}}],
        }
        file = self.folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        path = {"PATH": "/usr/bin:/bin"}
        return find_access(a_lab(kubeconfig=file), env={**path, **env})

    def client(self, fake: FakeCluster) -> httpx.AsyncClient:
        """Connect to a cluster with what the program hands out."""
        transport, auth = httpx.MockTransport(fake.answer), self.access().auth
        return httpx.AsyncClient(transport=transport, auth=auth, base_url="http://k/")


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    cloud = Cloud(tmp_path)
    cloud.program()
    return cloud


class Clock:
    """Time that passes when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Tokens:
    """A plugin that counts."""

    def __init__(self, clock: Clock, life: float | None) -> None:
        self.made = 0
        self.is_broken = False
        self._clock = clock
        self._life = life

    async def run(self) -> Credential:
        await asyncio.sleep(0)
        self.made += 1
        if self.is_broken:
            raise NoToken("broken")
        expires = None if self._life is None else self._clock() + self._life
        return Credential(f"t{self.made}", expires)


async def get(auth: httpx.Auth, *accepted: str) -> tuple[int, str]:
    """Ask a cluster that accepts some tokens; return its answer, and what it saw."""

    def answer(request: httpx.Request) -> httpx.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        return httpx.Response(200 if token in accepted else 401, text=token)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, auth=auth) as http:
        answered = await http.get("http://k/")
    return answered.status_code, answered.text


async def test_a_refused_token_is_replaced_by_running_the_program_again(
    cloud: Cloud, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_kubernetes_bridge.credentials.RERUN_S", 0)
    cloud.hands_out("first")
    fake.token = "first"
    async with cloud.client(fake) as http:
        kubernetes = Kubernetes(http, "kernelci")
        for _ in range(3):
            assert (await kubernetes.list(Job, labelSelector="")).objects == []
        assert cloud.runs == 1
        cloud.hands_out("second")
        fake.token = "second"
        body = {"metadata": {"name": "a", "labels": {"job-name": "a"}}}
        assert await kubernetes.create(body)
        assert fake.objects[JOBS].keys() == {"a"}
        assert cloud.runs == 2
        fake.token = "third"
        with pytest.raises(Denied, match="does not accept our token"):
            await kubernetes.job("a")


async def test_a_job_outlives_the_token_that_it_was_submitted_with(
    cloud: Cloud, fake: FakeCluster, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_kubernetes_bridge.credentials.RERUN_S", 0)
    monkeypatch.setattr("kci_kubernetes_bridge.watch.PAUSE_S", 0.005)
    cloud.hands_out("first")
    fake.token = "first"
    async with cloud.client(fake) as http, AsyncExitStack() as lives:
        kubernetes = Kubernetes(http, "kernelci")
        cluster = await Clusters(kubernetes, FakeApi(), lives).start()
        handle = await cluster.submit(jobs.job())
        waiting = asyncio.create_task(cluster.wait(jobs.job(), handle))
        await until(lambda: len(fake.watches) == 2)
        cloud.hands_out("second")
        fake.token = "second"
        fake.end_watches()
        await until(lambda: len(fake.watches) == 2)
        fake.end(handle, log=b"all of it")
        outcome = await waiting
    assert outcome.result is Result.PASS
    assert outcome.files["log"].read_bytes() == b"all of it"
    assert cloud.runs == 2


async def test_a_token_is_renewed_before_it_expires() -> None:
    clock = Clock()
    tokens = Tokens(clock, life=3600)
    auth = PluginToken(tokens, clock)
    assert await get(auth, "t1") == (200, "t1")
    clock.now += 3600 - MARGIN_S - 1
    assert await get(auth, "t1") == (200, "t1")
    clock.now += 1
    assert await get(auth, "t2") == (200, "t2")
    assert tokens.made == 2


async def test_many_refused_requests_make_one_run_of_the_program() -> None:
    clock = Clock()
    tokens = Tokens(clock, life=None)
    auth = PluginToken(tokens, clock)
    await get(auth, "t1")
    clock.now += RERUN_S
    answers = await asyncio.gather(*(get(auth, "t2") for _ in range(50)))
    assert set(answers) == {(200, "t2")}
    assert tokens.made == 2
    answers = await asyncio.gather(*(get(auth, "t3") for _ in range(50)))
    assert set(answers) == {(401, "t2")}, "it ran a moment ago"
    assert tokens.made == 2
    clock.now += RERUN_S
    assert await get(auth, "t3") == (200, "t3")


async def test_a_program_that_fails_runs_again_after_a_while() -> None:
    clock = Clock()
    tokens = Tokens(clock, life=None)
    tokens.is_broken = True
    auth = PluginToken(tokens, clock)
    with pytest.raises(NoToken, match="broken"):
        await get(auth)
    with pytest.raises(NoToken, match="runs again in 10 s"):
        await get(auth)
    assert tokens.made == 1
    tokens.is_broken = False
    clock.now -= 3600  # somebody has set it back
    assert await get(auth, "t2") == (200, "t2")


async def test_a_program_gets_its_own_environment_and_none_of_our_secrets(
    cloud: Cloud,
) -> None:
    cloud.hands_out("t")
    cloud.program('env >env.txt; echo "$1 $2" >args.txt; cat answer')
    cloud.settings = {
        "args": ["get-token", "$(id)"],
        "env": [{"name": "PROFILE", "value": "ci"}],
        "provideClusterInfo": True,
    }
    access = cloud.access(KCI_TOKEN=SECRET, HOME="/home/me", PROFILE="mine")
    assert access.auth is not None
    assert await get(access.auth, "t") == (200, "t")
    assert (cloud.folder / "args.txt").read_text() == "get-token $(id)\n"
    lines = (cloud.folder / "env.txt").read_text().splitlines()
    env = dict(line.split("=", 1) for line in lines)
    assert (env["HOME"], env["PROFILE"]) == ("/home/me", "ci")
    assert not any(name.startswith("KCI_") for name in env)
    info = json.loads(env["KUBERNETES_EXEC_INFO"])
    assert (info["apiVersion"], info["kind"]) == (API, "ExecCredential")
    assert info["spec"]["interactive"] is False
    assert info["spec"]["cluster"] == {
        "server": "https://k:6443",
        "insecure-skip-tls-verify": True,
        "certificate-authority-data": "",
        "config": {"a": "b"},
    }


def answer(**changes: object) -> str:
    status = {"token": SECRET}
    whole = {"apiVersion": API, "kind": "ExecCredential", "status": status, **changes}
    return f"cat <<'END'\n{json.dumps(whole)}\nEND\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"echo {SECRET}; echo {SECRET} >&2; exit 3", "exit status 3"),
        (f"echo '{SECRET}'", "printed no ExecCredential with a token"),
        ("true", "printed no ExecCredential with a token"),
        (answer(status={}), "printed no ExecCredential with a token"),
        (answer(kind=SECRET), "printed no ExecCredential with a token"),
        (answer(status={"token": [SECRET]}), "printed no ExecCredential with a token"),
        (answer(apiVersion=f"{API}beta1"), f"printed no ExecCredential of {API}"),
        (answer(status={"token": f"{SECRET}\nx: y"}), "is not plain ASCII"),
        (f"yes {SECRET} | head -c 9000000", "printed more than 262144 bytes"),
        ("exec sleep 1000", "did not end within 0.2 s"),
        ("sleep 1000 & disown 2>/dev/null; exit 0", "did not end within 0.2 s"),
    ],
    ids=lambda value: "" if "\n" in value else value[:40],
)
async def test_a_program_that_fails_is_bounded_and_leaks_no_secret(
    cloud: Cloud,
    fake: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    reason: str,
) -> None:
    if "sleep" in script:
        monkeypatch.setattr(exec_plugin, "TIMEOUT_S", 0.2)
    cloud.program(script)
    async with cloud.client(fake) as http:
        with pytest.raises(Away, match=reason) as failed:
            await Kubernetes(http, "kernelci").job("a")
    assert SECRET not in "".join(traceback.format_exception(failed.value))
    await until(lambda: not programs_in(cloud.folder))


def programs_in(folder: Path) -> list[str]:
    """Return the processes that run in a folder."""
    programs = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == folder:
                programs.append(link.parent.name)
        except OSError:
            continue
    return programs


def test_a_program_that_is_not_installed_is_named_with_its_makers_hint(
    cloud: Cloud,
) -> None:
    cloud.settings = {"command": "kci-no-such", "installHint": "Get it\n  from us\n"}
    reason = "credential plugin kci-no-such: not installed; Get it from us"
    with pytest.raises(ConfigError, match=reason):
        cloud.access()
