# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import pytest
from kubernetes_bridge_fakes import Body, Jobs, a_lab

from kci_kubernetes_bridge.job_manifest import label_of, manifest
from kci_kubernetes_bridge.pods import script_pod
from kci_kubernetes_bridge.script import mark_of, outcomes_of, read_log, script_of
from kci_shared.lab import NoDevice, read_definition
from kci_shared.work import BadJob, BridgeSettings, LabJob


def results(job: LabJob, log: str) -> dict[str, tuple[str, str | None]]:
    steps = read_definition(job).tests
    tests = outcomes_of(steps, read_log(mark_of(job), log.splitlines()))
    return {"/".join(t.path): (t.result.value, t.error_msg) for t in tests}


def run(job: LabJob) -> tuple[int, str]:
    script = script_of(mark_of(job), read_definition(job).tests)
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_output_of_a_script_is_read_back_as_results(jobs: Jobs) -> None:
    job = jobs.job(
        "good: echo 'ok 1 first'; printf 'no newline'",
        "quotes: echo \"it's $((1 + 1))\" $$ 'ok'; cat",
        "tap: echo 'ok 1 a' >&2; echo 'not ok 2 b'",
        "nested: printf 'KTAP version 1\\n1..1\\n  ok 1 c\\nok 1 d\\n'",
        "prose: echo 'not ok to go on without a disk'",
        "bad: exit 3",
        "leaves: exit 0; echo 'not ok 1 never'",
    )
    code, log = run(job)
    assert code == 1
    assert "it's 2" in log
    assert results(job, log) == {
        "good": ("pass", None),
        "good/first": ("pass", None),
        "quotes": ("pass", None),
        "tap": ("fail", "failed: b"),
        "tap/a": ("pass", None),
        "tap/b": ("fail", None),
        "nested": ("pass", None),
        "nested/d": ("pass", None),
        "nested/d/c": ("pass", None),
        "prose": ("pass", None),
        "bad": ("fail", "exit status 3"),
        "leaves": ("pass", None),
    }


def test_a_step_has_a_time_limit_of_its_own(jobs: Jobs) -> None:
    steps = [
        {"id": "slow", "run": "echo 'ok 1 a'; sleep 30", "timeout": 1},
        {"id": "next", "run": "true"},
    ]
    job = jobs.job(tests=steps)
    code, log = run(job)
    assert code == 1
    assert results(job, log) == {
        "slow": ("fail", "over 1 s"),
        "slow/a": ("pass", None),
        "next": ("pass", None),
    }


def test_nested_results_are_tests_to_any_depth(jobs: Jobs) -> None:
    job = jobs.job("kunit: true")
    mark = mark_of(job)
    nested = (
        "KTAP version 1\n1..1\n    KTAP version 1\n    1..2\n"
        "    ok 1 add\n    not ok 2 remove\nnot ok 1 list\n"
    )
    log = f"{mark} begin kunit\n{nested}{mark} end kunit 0\n"
    assert results(job, log) == {
        "kunit": ("fail", "failed: list"),
        "kunit/list": ("fail", None),
        "kunit/list/add": ("pass", None),
        "kunit/list/remove": ("fail", None),
    }


def test_tests_that_are_missing_in_a_log_are_incomplete(jobs: Jobs) -> None:
    job = jobs.job("lost: true", "cut: true", "never: true")
    mark = mark_of(job)
    log = f"ok 1 x\n{mark} end lost 0\n{mark} begin cut\nok 1 a\n"
    assert results(job, log) == {
        "lost": ("incomplete", "did not run, or its log is lost"),
        "cut": ("incomplete", "did not come to its end"),
        "cut/a": ("pass", None),
        "never": ("incomplete", "did not run, or its log is lost"),
    }


def a_manifest(job: LabJob, **changes: object) -> Body:
    settings = BridgeSettings(
        api_url="http://a", token="t", storage_url="http://s", runtime="lab-x"
    )
    return manifest(job.id, script_pod(a_lab(**changes), job), settings)


def test_a_job_runs_once_with_no_token_and_few_rights(jobs: Jobs) -> None:
    body = a_manifest(jobs.job("uname: uname -r"))
    assert body["metadata"]["name"] == "kci-6501a1b2c3d4e5f601234567"
    assert body["spec"]["backoffLimit"] == 0
    assert body["spec"]["activeDeadlineSeconds"] == 1200
    template = body["spec"]["template"]
    assert template["metadata"]["labels"] == body["metadata"]["labels"]
    pod = template["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["activeDeadlineSeconds"] == 600
    (container,) = pod["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    names = {variable["name"] for variable in container["env"]}
    assert names == {"KCI_NODE_ID", "KCI_ARTIFACT_TARBALL"}


def test_kubernetes_expands_nothing_in_a_command(jobs: Jobs) -> None:
    body = a_manifest(jobs.job("pid: echo $(KCI_NODE_ID) $$"))
    command = body["spec"]["template"]["spec"]["containers"][0]["command"]
    assert "$$(KCI_NODE_ID) $$$$" in command[2]
    assert "$" not in command[2].replace("$$", "")


def test_a_job_without_commands_runs_the_images_own_command(jobs: Jobs) -> None:
    body = a_manifest(jobs.job())
    assert "command" not in body["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("image", "is_taken"),
    [
        ("registry.example.org/kernelci/kunit:1", True),
        ("debian:sid", True),
        ("debian:sid-evil", False),
        ("registry.example.org/other/kunit:1", False),
        (7, False),
    ],
)
def test_a_job_may_only_name_images_of_the_lab(
    jobs: Jobs, image: object, is_taken: bool
) -> None:
    images = ["registry.example.org/kernelci/", "debian:sid"]
    job = jobs.job(params={"image": image})
    if not is_taken:
        with pytest.raises(BadJob, match=r"params\.image.*debian:sid"):
            a_manifest(job, images=images)
        return
    body = a_manifest(job, images=images)
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_a_lab_may_extend_a_pod_but_not_weaken_it(jobs: Jobs) -> None:
    selector = {"kubernetes.io/arch": "arm64"}
    platform = {"image": "debian", "pod": {"nodeSelector": selector}}
    body = a_manifest(jobs.job(), platforms={"kubernetes": platform})
    assert body["spec"]["template"]["spec"]["nodeSelector"] == selector
    platform = {"image": "debian", "pod": {"automountServiceAccountToken": True}}
    with pytest.raises(ValueError, match="the bridge itself sets"):
        a_lab(platforms={"kubernetes": platform})


def test_a_job_that_cannot_run_here_is_refused(jobs: Jobs) -> None:
    with pytest.raises(NoDevice, match=r"no platform kubernetes here: .* other"):
        a_manifest(jobs.job(), platforms={"other": {"image": "debian"}})
    with pytest.raises(BadJob, match="longer than"):
        a_manifest(jobs.job(*[f"t{n}: {'x' * 3900}" for n in range(30)]))


def test_any_name_of_a_runtime_makes_a_label() -> None:
    assert label_of("lab-x") == "lab-x"
    assert label_of("lab." * 30) == ("lab." * 30)[:63]
    assert label_of("lab_._") == "lab"
