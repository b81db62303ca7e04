# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs on a real API server: each ends in the right tree, once, whatever happens."""

import asyncio
from pathlib import Path

import httpx
import pytest
import yaml

from integration.kubernetes_bridge.conftest import World
from kci_kubernetes_bridge import credentials
from kci_kubernetes_bridge.access import find_access, in_cluster
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab_file import Lab
from kci_kubernetes_bridge.objects import Pod
from kci_local.processes import Process
from kci_shared.lab import LabError
from kci_shared.models import Job

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

JOBS = "/apis/batch/v1/namespaces/kernelci/jobs"
PODS = "/api/v1/namespaces/kernelci/pods"
UNAME = "uname: uname -s"
FAILS = "fails: echo 'not ok 1 broken'; echo \"$((40 + 2))$(echo !)\"; false"
PLATFORMS = {"kubernetes": {"image": "debian"}}
LAB = ("incomplete", "Infrastructure")


async def test_jobs_of_every_kind_have_the_right_results(world: World) -> None:
    await world.start()
    nodes = {
        "good": await world.job(UNAME, "tap: echo 'ok 1 first'"),
        "fails": await world.job(FAILS, UNAME),
        "own": await world.job(),
        "own fails": await world.job(artifacts={"exit": "3"}),
        "late": await world.job("waits: echo begun; sleep 60", limit=3),
        "not taken": await world.job(params={"image": "other"}),
        **{
            image: await world.fate(image)
            for image in (
                "missing", "unknown", "misnamed", "unset", "uncreated", "unrun",
                "oom", "cannot", "evicted", "preempted", "shutdown", "refused",
            )
        },
    }  # fmt: skip
    ends = await asyncio.gather(*map(world.end, nodes.values()))
    assert dict(zip(nodes, ends, strict=True)) == {
        **dict.fromkeys(nodes, LAB),
        "good": ("pass", None),
        "fails": ("fail", None),
        "own": ("pass", None),
        "own fails": ("fail", "Test"),
        "late": ("incomplete", "node_timeout"),
        "not taken": ("incomplete", "invalid_job_params"),
    }
    trees = {name: await world.tree(node_id) for name, node_id in nodes.items()}
    assert trees["good"] == {"uname": "pass", "tap": "pass", "tap/first": "pass"}
    assert trees["fails"] == {"fails": "fail", "fails/broken": "fail", "uname": "pass"}
    assert trees["late"] == {"waits": "incomplete"}
    assert trees["own"] == {}
    good, fails, late = [await world.done(nodes[n]) for n in ("good", "fails", "late")]
    assert isinstance(good, Job)
    assert (good.data.device, good.data.progress) == ("node-1", "testing")
    assert "\nLinux\n" in await world.log_of(good)
    assert "42!\n" in await world.log_of(fails)
    assert "begun\n" in await world.log_of(late), "what it printed until then"
    missing = await world.done(nodes["missing"])
    assert missing.data.error_msg == "ImagePullBackOff: of fate/missing"
    assert await world.in_cluster(JOBS, nodes["missing"]) == [], "it may not begin yet"


async def test_a_namespace_that_forbids_pods_is_at_fault(world: World) -> None:
    await world.start(queue=2)
    async with world.no_pods():
        node_id = await world.job(UNAME, limit=3)
        assert await world.end(node_id) == LAB
    message = (await world.done(node_id)).data.error_msg
    assert message == "the lab did not start the job within 5 s"


async def test_two_bridges_run_each_job_once_while_they_are_killed(
    world: World,
) -> None:
    one, two = "kubernetes-bridge-1", "kubernetes-bridge-2"
    await asyncio.gather(world.start(one), world.start(two))
    nodes = [await world.job("waits: sleep 4; uname -s") for _ in range(12)]
    for victim in (one, two, one):
        await asyncio.sleep(2)
        await world.kill(victim)
        await world.start(victim)
    ends = await asyncio.gather(*map(world.end, nodes))
    assert ends == [("pass", None)] * len(nodes)
    for node_id in nodes:
        assert len(await world.in_cluster(PODS, node_id)) == 1
        assert await world.tree(node_id) == {"waits": "pass"}


async def test_the_job_of_a_killed_bridge_continues_and_is_found_by_another(
    world: World,
) -> None:
    await world.start("kubernetes-bridge-1")
    node_id = await world.job("waits: sleep 6")
    uid = await world.running(node_id)
    await world.kill("kubernetes-bridge-1")
    await world.start("kubernetes-bridge-2")
    assert await world.end(node_id) == ("pass", None)
    (job,) = await world.in_cluster(JOBS, node_id)
    assert job["metadata"]["uid"] == uid
    await world.start("kubernetes-bridge-1")  # it finds its claim, which is over
    later = [await world.job(UNAME) for _ in range(4)]
    ends = await asyncio.gather(*map(world.end, [node_id, *later]))
    assert ends == [("pass", None)] * 5


async def test_jobs_survive_an_api_server_that_is_killed(world: World) -> None:
    await world.start()
    running = await world.job("waits: sleep 3; echo 'ok 1 still'")
    uid = await world.running(running)
    command = Path(f"/proc/{world.lab.pid('api-server')}/cmdline").read_bytes()
    words = command.decode().rstrip("\0").split("\0")
    port = int(words[words.index("--secure-port") + 1])
    await world.lab.kill("api-server")
    waits = await world.job(UNAME)
    await asyncio.sleep(5)
    await world.lab.start(Process("api-server", words, port=port))
    for node_id in (running, waits):
        assert await world.end(node_id) == ("pass", None)
    assert await world.tree(running) == {"waits": "pass", "waits/still": "pass"}
    (job,) = await world.in_cluster(JOBS, running)
    assert job["metadata"]["uid"] == uid


async def test_the_job_of_a_cancelled_node_is_deleted_within_seconds(
    world: World,
) -> None:
    await world.start()
    node_id = await world.job("waits: sleep 100")
    await world.running(node_id)
    await world.api.update(node_id, state="done", result="incomplete")
    async with asyncio.timeout(60):  # the job itself takes longer
        for kind in (PODS, JOBS):
            while await world.in_cluster(kind, node_id):
                await asyncio.sleep(0.2)


async def test_a_job_that_others_delete_is_canceled(world: World) -> None:
    await world.start()
    node_id = await world.job("waits: sleep 100")
    await world.running(node_id)
    query = {"propagationPolicy": "Background"}
    await world.http.delete(f"{JOBS}/kci-{node_id}", params=query)
    assert await world.end(node_id) == ("incomplete", "Canceled")


async def test_a_missing_right_is_named(world: World, tmp_path: Path) -> None:
    accounts = "/api/v1/namespaces/kernelci/serviceaccounts"
    await world.http.post(accounts, json={"metadata": {"name": "nobody"}})
    for name, expected in (("nobody", "list pods"), ("kubernetes-bridge", None)):
        path = f"{accounts}/{name}/token"
        answer = await world.http.post(path, json={"spec": {"audiences": []}})
        (tmp_path / "token").write_text(answer.json()["status"]["token"])
        (tmp_path / "namespace").write_text("kernelci")
        (tmp_path / "ca.crt").write_bytes(world.cluster.authority.read_bytes())
        url = httpx.URL(world.cluster.url)
        env = {"KUBERNETES_SERVICE_HOST": url.host}
        env["KUBERNETES_SERVICE_PORT"] = str(url.port)
        lab = Lab.model_validate({"platforms": PLATFORMS})
        async with Kubernetes.connect(in_cluster(lab, tmp_path, env)) as kubernetes:
            if expected is None:
                await kubernetes.list(Pod, labelSelector="a=b")
            else:
                with pytest.raises(LabError, match=f"the right to {expected}"):
                    await kubernetes.list(Pod, labelSelector="a=b")


async def test_the_bridges_rights_end_at_its_namespace(world: World) -> None:
    lab = Lab.model_validate(
        {
            "kubeconfig": world.cluster.kubeconfig,
            "platforms": PLATFORMS,
            "namespace": "kube-system",
        }
    )
    async with Kubernetes.connect(find_access(lab)) as kubernetes:
        with pytest.raises(LabError, match="in the namespace kube-system"):
            await kubernetes.list(Pod, labelSelector="a=b")


async def test_a_token_that_the_cluster_refuses_is_replaced_by_its_program(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "RERUN_S", 0)
    config = yaml.safe_load(Path(world.cluster.kubeconfig).read_text())
    (tmp_path / "token").write_text("expired")
    (tmp_path / "next").write_text(config["users"][0]["user"]["token"])
    api = "client.authentication.k8s.io/v1beta1"
    kind, status = '"kind": "ExecCredential"', '"status": {"token": "%s"}'
    form = f'{{"apiVersion": "{api}", {kind}, {status}}}'
    prints = f"cd {tmp_path}; printf '{form}' $(cat token); cp next token"
    exec_user = {"apiVersion": api, "command": "sh", "args": ["-c", prints]}
    config["users"][0]["user"] = {"exec": exec_user}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    lab = Lab.model_validate({"kubeconfig": str(file), "platforms": PLATFORMS})
    async with Kubernetes.connect(find_access(lab)) as kubernetes:
        await kubernetes.list(Pod, labelSelector="a=b")
    assert (tmp_path / "token").read_text() != "expired"
