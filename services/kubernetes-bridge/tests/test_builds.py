# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels that a cluster builds: who sees the token, and whose word counts."""

import json
from pathlib import Path

import pytest
from kubernetes_bridge_fakes import Body, Jobs, a_checkout, a_lab

from kci_fakes.api import FakeApi
from kci_kubernetes_bridge.lab_file import Lab
from kci_kubernetes_bridge.outcome import outcome_of_build
from kci_kubernetes_bridge.pods import build_pod
from kci_kubernetes_bridge.verdicts import JobVerdict
from kci_shared.lab import NoDevice
from kci_shared.models import ErrorCode, Result
from kci_shared.work import BadJob, CannotRun, LabJob
from kci_shared.work.build import MARK, BuildOrder, order_of

BUILDS = {"image": "kci-builder", "secret": "storage", "cpu": "3500m"}
STORAGE = "http://s/"
FACTS = {
    "compiler_version": "gcc 12",
    "kernel_release": "6.1.0",
    "duration": 3,
    "config_missing": [],
}
REPORT = {
    "result": "pass",
    "artifacts": {"kernel": "http://s/0/bzImage"},
    "facts": FACTS,
}
PASS = JobVerdict(Result.PASS)
INFRA = ("incomplete", "Infrastructure")


def a_builder(**changes: object) -> Lab:
    return Lab.model_validate({"builds": {**BUILDS, **changes}})


async def a_pod(api: FakeApi, job: LabJob, lab: Lab) -> Body:
    return build_pod(lab, await order_of(job.node, api), STORAGE)


async def test_the_sources_and_the_token_never_meet(jobs: Jobs, api: FakeApi) -> None:
    job = jobs.build(fragments={"one": "CONFIG_A=y\n# $(KCI_FOLDER)\n"}, timeout=600)
    pod = await a_pod(api, job, a_builder(cpu="2.5"))
    (builds,), (stores,) = pod["initContainers"], pod["containers"]
    assert (builds["command"], stores["command"]) == (
        ["kci-builder-once"],
        ["kci-builder-deliver"],
    )
    variables = {one["name"]: one.get("value") for one in builds["env"]}
    assert variables.keys() == {"KCI_FOLDER", "KCI_MAKE_JOBS", "KCI_ORDER"}
    assert variables["KCI_MAKE_JOBS"] == "3"
    order = BuildOrder.model_validate_json(variables["KCI_ORDER"].replace("$$", "$"))
    assert order == await order_of(job.node, api)
    (secret,) = (one["valueFrom"] for one in stores["env"] if "valueFrom" in one)
    assert secret == {"secretKeyRef": {"name": "storage", "key": "token"}}
    assert pod["automountServiceAccountToken"] is False
    assert pod["activeDeadlineSeconds"] == 600 + 1800
    for container in (builds, stores):
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


async def test_an_image_that_a_build_names_never_gets_the_token(
    jobs: Jobs, api: FakeApi
) -> None:
    job = jobs.build(image="gcc-12:x86")
    with pytest.raises(BadJob, match=r"definition\.image: 'gcc-12:x86' is not one of"):
        await a_pod(api, job, a_builder())
    lab = Lab.model_validate({"builds": BUILDS, "images": ["gcc-12:x86"]})
    pod = await a_pod(api, job, lab)
    assert pod["initContainers"][0]["image"] == "gcc-12:x86"
    assert pod["containers"][0]["image"] == "kci-builder"


async def test_a_labs_own_volumes_are_kept_beside_the_builds(
    jobs: Jobs, api: FakeApi
) -> None:
    own = {"name": "own", "emptyDir": {}}
    pod = await a_pod(api, jobs.build(), a_builder(pod={"volumes": [own]}, disk="9Gi"))
    assert pod["volumes"] == [own, {"name": "build", "emptyDir": {"sizeLimit": "9Gi"}}]


async def test_a_build_that_cannot_run_here_is_refused(
    jobs: Jobs, api: FakeApi
) -> None:
    with pytest.raises(NoDevice, match="no kernels are built here"):
        await a_pod(api, jobs.build(), a_lab())
    with pytest.raises(BadJob, match=r"data\.definition\.defconfig"):
        await a_pod(api, jobs.build(defconfig="; rm"), a_builder())
    long = {f"f{number}": "CONFIG_A=y\n" * 1000 for number in range(10)}
    with pytest.raises(BadJob, match="longer than 100000 bytes"):
        await a_pod(api, jobs.build(fragments=long), a_builder())
    api.put(a_checkout())
    with pytest.raises(CannotRun, match="no artifact 'tarball'"):
        await a_pod(api, jobs.build(), a_builder())


@pytest.mark.parametrize(
    ("lab", "reason"),
    [
        ({}, "has neither `platforms` nor `builds`"),
        ({"platforms": {"build": {"image": "i"}}}, "use `builds` for it"),
        ({"builds": {"image": "i"}}, "secret"),
        ({"builds": {**BUILDS, "memroy": "1Gi"}}, "memroy"),
        ({"builds": {**BUILDS, "pod": {"initContainers": []}}}, "the bridge itself"),
    ],
)
def test_a_mistake_in_a_labs_file_is_named(lab: Body, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Lab.model_validate(lab)


def a_log(folder: Path, *lines: str) -> Path:
    log = folder / "console.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return log


def test_a_build_has_the_result_of_its_report(tmp_path: Path) -> None:
    broken = {**REPORT, "result": "fail", "error_msg": "a.c:1:1: error: no"}
    log = a_log(tmp_path, "storing", MARK + json.dumps(broken))
    outcome = outcome_of_build(PASS, log, STORAGE)
    assert (outcome.result, outcome.error_msg) == (Result.FAIL, "a.c:1:1: error: no")
    assert outcome.artifacts == REPORT["artifacts"]
    assert outcome.data == FACTS
    assert outcome.files == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("all is well", "its log is incomplete"),
        (f"{MARK}{{", "the build's report: "),
        (f'{MARK}{{"result": "fine"}}', "the build's report: "),
        (
            MARK + json.dumps({**REPORT, "artifacts": {"kernel": "http://s.evil/0/k"}}),
            "artifact: kernel: not in our storage: http://s.evil/0/k",
        ),
    ],
)
def test_an_invalid_report_says_nothing_about_the_kernel(
    tmp_path: Path, line: str, reason: str
) -> None:
    log = a_log(tmp_path, line)
    outcome = outcome_of_build(PASS, log, STORAGE)
    assert (outcome.result, outcome.error_code) == INFRA
    assert reason in str(outcome.error_msg)
    assert outcome.files == {"build_log": log}
    assert outcome.artifacts == {}


def test_a_failed_container_says_nothing_about_the_kernel(tmp_path: Path) -> None:
    failed = JobVerdict(Result.FAIL, ErrorCode.TEST, "exit status 1", 1)
    outcome = outcome_of_build(failed, tmp_path / "none", STORAGE)
    assert (outcome.result, outcome.error_code) == INFRA
    assert outcome.error_msg == "the build's container: exit status 1"
    assert outcome.files == {}
