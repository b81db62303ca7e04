# SPDX-License-Identifier: LGPL-2.1-or-later

import pytest
from kubernetes_bridge_fakes import Body

from kci_kubernetes_bridge.objects import Job, Pod
from kci_kubernetes_bridge.verdicts import NOT_STARTING, verdict_of

GOING = {"metadata": {"name": "kci-1"}, "status": {"active": 1}}
DELETED = {"metadata": {"name": "kci-1", "deletionTimestamp": "2026-11-01T00:00:00Z"}}


def job(kind: str, reason: str = "") -> Body:
    condition = {"type": kind, "status": "True", "reason": reason, "message": "so"}
    return {"metadata": {"name": "kci-1"}, "status": {"conditions": [condition]}}


def pod(phase: str, *states: Body, **status: object) -> Body:
    containers = [{"name": "job", "image": "debian", "state": s} for s in states]
    whole = {"phase": phase, "containerStatuses": containers or None, **status}
    return {"metadata": {"name": "kci-1-x"}, "spec": {}, "status": whole}


def ended(code: int, reason: str) -> Body:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": None}}


def waiting(reason: str) -> Body:
    return {"waiting": {"reason": reason, "message": "it says why"}}


def running(body: Body) -> Body:
    return {**body, "spec": {"nodeName": "n1"}}


def dying(body: Body) -> Body:
    about = {"name": "kci-1-x", "deletionTimestamp": "2026-11-01T00:00:00Z"}
    return {**body, "metadata": about}


FAILED = job("Failed", "BackoffLimitExceeded")
LATE = job("Failed", "DeadlineExceeded")
ERROR = pod("Failed", ended(3, "Error"))
KILLED = pod("Failed", ended(137, "Error"))
OOM = pod("Failed", ended(137, "OOMKilled"))
DISRUPTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "PreemptionByScheduler",
}
READY = pod("Failed", ended(3, "Error"), conditions=[{**DISRUPTED, "status": "False"}])
GOOD_BUT_FAILED = pod("Failed", ended(0, "Completed"))
SUSPENDED = {
    "metadata": {"name": "kci-1"},
    "status": {
        "conditions": [
            {"type": "Suspended", "status": "True"},
            {"type": "Failed", "status": "False"},
        ]
    },
}
LAB = ("incomplete", "Infrastructure")
TIMEOUT = ("incomplete", "node_timeout")
CANCELED = ("incomplete", "Canceled")

End = tuple[str, str | None] | None
ROWS: list[tuple[str, Body | None, Body | None, End]] = [
    ("no pod yet", GOING, None, None),
    ("waits for a machine", GOING, pod("Pending"), None),
    ("fetches the image", GOING, pod("Pending", waiting("ContainerCreating")), None),
    ("runs", GOING, pod("Running", {"running": {}}), None),
    ("nobody knows", GOING, pod("Unknown"), None),
    ("the container has ended, the pod not", GOING, pod("Running", ended(0, "")), None),
    ("exit 0", GOING, pod("Succeeded", ended(0, "Completed")), ("pass", None)),
    ("exit 0, the Job says so", job("Complete"), None, ("pass", None)),
    ("exit 3", FAILED, ERROR, ("fail", "Test")),
    ("exit 137 of its own", FAILED, KILLED, ("fail", "Test")),
    *[
        (reason, GOING, pod("Pending", waiting(reason)), LAB)
        for reason in sorted(NOT_STARTING)
    ],
    *[
        (reason, FAILED, pod("Failed", reason=reason, message="m"), LAB)
        for reason in (
            "Evicted",
            "NodeLost",
            "Shutdown",
            "Preempting",
            "UnexpectedAdmissionError",
            "OutOfcpu",
            "Terminated",
        )
    ],
    ("evicted as it ran", FAILED, pod("Failed", ended(137, ""), reason="Evicted"), LAB),
    ("preempted", FAILED, pod("Failed", ended(143, ""), conditions=[DISRUPTED]), LAB),
    ("ready to be preempted, and failed", FAILED, READY, ("fail", "Test")),
    ("its only container ended well", FAILED, GOOD_BUT_FAILED, ("pass", None)),
    ("the Job is suspended", SUSPENDED, None, None),
    ("out of memory", FAILED, OOM, LAB),
    ("cannot run", FAILED, pod("Failed", ended(127, "ContainerCannotRun")), LAB),
    ("cannot start", FAILED, pod("Failed", ended(128, "StartError")), LAB),
    ("fails without a word", FAILED, pod("Failed"), LAB),
    ("the Job's deadline, and no pod", LATE, None, LAB),
    ("the Job's deadline, its pod waits", LATE, pod("Pending"), LAB),
    ("the Job's deadline, its pod dies", LATE, dying(running(KILLED)), TIMEOUT),
    ("the pod's deadline", FAILED, pod("Failed", reason="DeadlineExceeded"), TIMEOUT),
    ("the pod dies, nobody says why yet", GOING, dying(KILLED), None),
    ("the pod is gone", FAILED, None, LAB),
    ("ended well as it was deleted", None, pod("Succeeded"), ("pass", None)),
    ("the Job was deleted", None, None, CANCELED),
    ("the Job was deleted, its pod dies", None, dying(KILLED), CANCELED),
    ("the Job is being deleted", DELETED, pod("Running"), CANCELED),
]


@pytest.mark.parametrize(
    ("of_job", "of_pod", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_run_ends_as_its_pod_and_its_job_report(
    of_job: Body | None, of_pod: Body | None, expected: End
) -> None:
    said = verdict_of(
        Job.model_validate(of_job) if of_job else None,
        Pod.model_validate(of_pod) if of_pod else None,
    )
    assert (said and (said.result, said.error_code)) == expected


def test_a_verdict_is_unsure_if_only_the_job_reports_the_end() -> None:
    for of_job in (job("Complete"), FAILED):
        unsure = verdict_of(Job.model_validate(of_job), None)
        assert unsure is not None
        assert not unsure.is_sure
    sure = verdict_of(Job.model_validate(FAILED), Pod.model_validate(ERROR))
    assert sure is not None
    assert (sure.is_sure, sure.exit_code, sure.error_msg) == (True, 3, "exit status 3")


def test_the_reason_is_in_the_message() -> None:
    said = verdict_of(None, Pod.model_validate(pod("Pending", waiting("ErrImagePull"))))
    assert said is not None
    assert said.error_msg == "ErrImagePull: it says why"
