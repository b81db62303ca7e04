# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a Job and its pod say of a run: one table of the cluster's words; pure."""

from dataclasses import dataclass

from kci_kubernetes_bridge.objects import Job, Pod, Terminated
from kci_shared.models import ErrorCode, Result

NOT_STARTING = {
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}
"""Why a container waits that would wait for ever."""
NOT_ITS_FAULT = {"OOMKilled", "ContainerCannotRun", "StartError"}
"""Why a container ended, if not by what it ran."""
DEADLINE = "DeadlineExceeded"
NEVER_RAN = (
    "no machine took its pod in time, or the namespace lets none be made "
    "(a quota, a policy): see kubectl describe job"
)


@dataclass(frozen=True)
class Verdict:
    """How a run ended, in the cluster's eyes."""

    result: Result
    error_code: ErrorCode | None = None
    error_msg: str | None = None
    exit_code: int | None = None
    is_sure: bool = True
    """Only the Job has said so far: its pod may soon say more."""


def verdict(job: Job | None, pod: Pod | None) -> Verdict | None:
    """Tell how a run ended, or None while it has not; the pod knows best."""
    if said := _of_pod(pod):
        return said
    if job is None:
        said_of_job = "somebody deleted the Job, or it never was"
        return Verdict(Result.INCOMPLETE, ErrorCode.CANCELED, said_of_job)
    if failed := job.condition("Failed"):
        if failed.reason == DEADLINE:
            # a pod that runs has a deadline of its own, which comes first
            runs = pod is not None and pod.spec.node_name is not None
            return _timeout(failed.message) if runs else _lab(NEVER_RAN)
        return _lab(f"{failed.reason}: {failed.message}", is_sure=False)
    if job.condition("Complete"):
        return Verdict(Result.PASS, exit_code=0, is_sure=False)
    if job.metadata.deletion_timestamp:
        return Verdict(
            Result.INCOMPLETE, ErrorCode.CANCELED, "somebody deletes the Job"
        )
    return None


def _of_pod(pod: Pod | None) -> Verdict | None:
    if pod is None:
        return None
    status = pod.status
    if status.phase == "Succeeded":
        return Verdict(Result.PASS, exit_code=0)
    if status.phase == "Failed":
        return _of_failed(pod)
    for container in status.containers:
        waiting = container.state.waiting
        if waiting and waiting.reason in NOT_STARTING:
            return _lab(f"{waiting.reason}: {waiting.message}")
    return None


def _of_failed(pod: Pod) -> Verdict | None:
    status = pod.status
    if status.reason == DEADLINE:
        return _timeout(status.message)
    if status.reason:  # Evicted, NodeLost, Shutdown, Preempting, ...
        return _lab(f"{status.reason}: {status.message}")
    for condition in status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return _lab(f"{condition.reason}: {condition.message}")
    if pod.metadata.deletion_timestamp:
        return None  # killed by whoever deletes it: the Job says why
    ended = [c.state.terminated for c in status.containers if c.state.terminated]
    if not ended:
        return _lab(f"the pod failed without a reason {status.message}")
    return _of_container(ended[-1])


def _of_container(ended: Terminated) -> Verdict:
    if ended.reason in NOT_ITS_FAULT:
        return _lab(f"{ended.reason}: {ended.message}", exit_code=ended.exit_code)
    if ended.exit_code == 0:
        return Verdict(Result.PASS, exit_code=0)
    return Verdict(
        Result.FAIL,
        ErrorCode.TEST,
        f"exit status {ended.exit_code}",
        exit_code=ended.exit_code,
    )


def _timeout(message: str) -> Verdict:
    said = message or "over its time"
    return Verdict(Result.INCOMPLETE, ErrorCode.NODE_TIMEOUT, said)


def _lab(
    message: str, *, exit_code: int | None = None, is_sure: bool = True
) -> Verdict:
    said = message.strip().rstrip(":")
    return Verdict(
        Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, said, exit_code, is_sure
    )
