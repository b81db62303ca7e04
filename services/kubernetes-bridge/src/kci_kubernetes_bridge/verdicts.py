# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose fault the end of a run is, by the status of its Job and its pod; pure."""

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
"""Reasons of a waiting container that no waiting removes."""
NOT_ITS_FAULT = {"OOMKilled", "ContainerCannotRun", "StartError"}
"""Reasons of a container's end that say nothing about the program in it."""
DEADLINE = "DeadlineExceeded"
NEVER_RAN = (
    "no machine took its pod in time, or a quota or policy of the namespace forbids "
    "the pod: see kubectl describe job"
)


@dataclass(frozen=True)
class JobVerdict:
    """How a run ended, as the cluster reports it."""

    result: Result
    error_code: ErrorCode | None = None
    error_msg: str | None = None
    exit_code: int | None = None
    is_sure: bool = True
    """False if only the Job reports the end: its pod may soon say more."""


def verdict_of(job: Job | None, pod: Pod | None) -> JobVerdict | None:
    """Return how a run ended, or None while it goes on; the pod knows best."""
    if verdict := _of_pod(pod):
        return verdict
    if job is None:
        return _canceled("the Job was deleted, or never existed")
    if failed := job.condition("Failed"):
        if failed.reason == DEADLINE:
            # a running pod has a deadline of its own, which is the earlier one
            runs = pod is not None and pod.spec.node_name is not None
            return _timeout(failed.message) if runs else _lab(NEVER_RAN)
        return _lab(f"{failed.reason}: {failed.message}", is_sure=False)
    if job.condition("Complete"):
        return JobVerdict(Result.PASS, exit_code=0, is_sure=False)
    if job.metadata.deletion_timestamp:
        return _canceled("the Job is being deleted")
    return None


def _of_pod(pod: Pod | None) -> JobVerdict | None:
    if pod is None:
        return None
    status = pod.status
    if status.phase == "Succeeded":
        return JobVerdict(Result.PASS, exit_code=0)
    if status.phase == "Failed":
        return _of_failed(pod)
    for container in status.containers:
        waiting = container.state.waiting
        if waiting and waiting.reason in NOT_STARTING:
            return _lab(f"{waiting.reason}: {waiting.message}")
    return None


def _of_failed(pod: Pod) -> JobVerdict | None:
    status = pod.status
    if status.reason == DEADLINE:
        return _timeout(status.message)
    if status.reason:  # Evicted, NodeLost, Shutdown, Preempting, ...
        return _lab(f"{status.reason}: {status.message}")
    for condition in status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return _lab(f"{condition.reason}: {condition.message}")
    if pod.metadata.deletion_timestamp:
        return None  # killed because it is deleted: the Job says why
    ended = [c.state.terminated for c in status.containers if c.state.terminated]
    if not ended:
        return _lab(f"the pod failed without a reason: {status.message}")
    return _of_container(ended[-1])


def _of_container(ended: Terminated) -> JobVerdict:
    if ended.reason in NOT_ITS_FAULT:
        return _lab(f"{ended.reason}: {ended.message}", exit_code=ended.exit_code)
    if ended.exit_code == 0:
        return JobVerdict(Result.PASS, exit_code=0)
    return JobVerdict(
        Result.FAIL,
        ErrorCode.TEST,
        f"exit status {ended.exit_code}",
        exit_code=ended.exit_code,
    )


def _canceled(message: str) -> JobVerdict:
    return JobVerdict(Result.INCOMPLETE, ErrorCode.CANCELED, message)


def _timeout(message: str) -> JobVerdict:
    return JobVerdict(
        Result.INCOMPLETE, ErrorCode.NODE_TIMEOUT, message or "over its time limit"
    )


def _lab(
    message: str, *, exit_code: int | None = None, is_sure: bool = True
) -> JobVerdict:
    return JobVerdict(
        Result.INCOMPLETE,
        ErrorCode.INFRASTRUCTURE,
        message.strip().rstrip(":"),
        exit_code,
        is_sure,
    )
