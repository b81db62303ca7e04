# SPDX-License-Identifier: LGPL-2.1-or-later
"""A namespace of a Kubernetes cluster as a lab: its Jobs are the bridge's jobs."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from kci_kubernetes_bridge.job_manifest import manifest, name_of, selector_of
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab_file import Lab
from kci_kubernetes_bridge.objects import NODE_LABEL, Pod
from kci_kubernetes_bridge.outcome import outcome_of_build, outcome_of_script
from kci_kubernetes_bridge.pods import build_pod, script_pod
from kci_kubernetes_bridge.refusals import Away
from kci_kubernetes_bridge.retries import patiently
from kci_kubernetes_bridge.running_job import Flight
from kci_kubernetes_bridge.verdicts import JobVerdict
from kci_kubernetes_bridge.watch import Watch
from kci_shared.errors import ChannelDown
from kci_shared.lab import LabError
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Kbuild, Progress
from kci_shared.nodes import Nodes
from kci_shared.work import BridgeSettings, CannotRun, Dialect, LabJob, RunOutcome
from kci_shared.work.build import order_of

log = get_logger(__name__)

MAX_LOG_BYTES = 64 * 2**20


class Cluster(Dialect):
    """Creates Jobs, waits for their ends, and finds them again.

    A Job is named by its node, so that the cluster itself refuses a second one.
    """

    kind = "kubernetes"
    is_remote = True

    def __init__(
        self, lab: Lab, kubernetes: Kubernetes, api: Nodes, settings: BridgeSettings
    ) -> None:
        self._lab = lab
        self._api = api
        self._kubernetes = kubernetes
        self._settings = settings
        self._selector = selector_of(settings.runtime)
        self.watch = Watch(kubernetes, self._selector)
        self._running: dict[str, tuple[Flight, Path]] = {}
        self._canceled: set[str] = set()

    async def slots(self) -> dict[str, int]:
        """Return how many more Jobs may wait, for a pod or for its machine."""
        pods = await self._kubernetes.list(
            Pod,
            labelSelector=self._selector,
            fieldSelector="status.phase=Pending,spec.nodeName=",
            limit=self._lab.pending,
        )
        waiting = {pod.owner for pod in pods.objects} | {
            handle for handle, (flight, _) in self._running.items() if not flight.pod
        }
        free = self._lab.pending - len(waiting)
        return dict.fromkeys(self._lab.claimed, max(0, free))

    async def submit(self, job: LabJob) -> str:
        """Create a Job, or find the one that the node has already."""
        body = manifest(job.id, await self._pod(job), self._settings)
        handle = await patiently(lambda: self._submit(job.id, body))
        job.progress(Progress.QUEUED)
        return handle

    async def _pod(self, job: LabJob) -> dict[str, Any]:
        if not isinstance(job.node, Kbuild):
            return script_pod(self._lab, job)
        order = await order_of(job.node, self._api)
        return build_pod(self._lab, order, self._settings.storage_url)

    async def _submit(self, node_id: str, body: dict[str, Any]) -> str:
        if await self._kubernetes.create(body):
            return name_of(node_id)
        if handle := await self.find(node_id):
            return handle
        raise Away(f"the Job {name_of(node_id)} is being deleted")

    async def find(self, node_id: str) -> str | None:
        """Return the name of a node's Job, unless it is being deleted."""
        name = name_of(node_id)
        job = await self._kubernetes.job(name)
        if job is None or job.metadata.deletion_timestamp:
            return None
        if job.metadata.labels.get(NODE_LABEL) != node_id:
            raise LabError(f"the Job {name} is not this bridge's: delete it")
        return name

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a Job has ended, and fetch its log."""
        flight = self.watch.begin(handle, job.progress)
        log_file = job.folder / "console.log"
        self._running[handle] = flight, log_file
        try:
            verdict = await self.watch.end_of(flight)
            pod = flight.pod
            if pod is not None and not log_file.exists():
                await patiently(lambda: self._save_log(pod, log_file))
            await self._remove_rest(flight)
        finally:
            self.watch.end(flight)
            self._running.pop(handle, None)
            stopped = handle in self._canceled
            self._canceled.discard(handle)
        if stopped and verdict.error_code is ErrorCode.CANCELED:
            verdict = replace(verdict, error_msg="stopped by the bridge")
        device = pod.spec.node_name if pod else None
        outcome = await asyncio.to_thread(self._outcome, job, verdict, log_file)
        return replace(outcome, device=device)

    async def _remove_rest(self, flight: Flight) -> None:
        """Delete a Job whose run has ended before its pod: none may begin any more."""
        pod_has_ended = flight.pod is not None and flight.pod.has_ended
        if flight.job is not None and not pod_has_ended and not flight.job.is_over:
            await patiently(lambda: self._kubernetes.delete(flight.name))

    def _outcome(self, job: LabJob, verdict: JobVerdict, log_file: Path) -> RunOutcome:
        if isinstance(job.node, Kbuild):
            return outcome_of_build(verdict, log_file, self._settings.storage_url)
        return outcome_of_script(job, verdict, log_file)

    async def _save_log(self, pod: Pod, file: Path) -> None:
        """Copy a pod's log into a file, at most `MAX_LOG_BYTES` of it."""
        part, left = file.with_suffix(".part"), MAX_LOG_BYTES
        with part.open("wb") as copy:
            chunks = self._kubernetes.log(pod.metadata.name, pod.last_container)
            async for chunk in chunks:
                copy.write(chunk[:left])
                left -= len(chunk)
                if left <= 0:
                    copy.write(b"\n[the log is longer: the rest is left out]\n")
                    break
        part.rename(file)

    async def cancel(self, handle: str) -> None:
        """Delete a Job that is not over, after its log has been saved."""
        if handle in self._running:
            self._canceled.add(handle)
            flight, file = self._running[handle]
            if flight.pod is not None:
                try:
                    await self._save_log(flight.pod, file)
                except (CannotRun, ChannelDown) as error:
                    log.warning("log lost", job_id=handle, reason=str(error))
        await patiently(lambda: self._stop(handle))

    async def _stop(self, handle: str) -> None:
        job = await self._kubernetes.job(handle)
        if job is not None and not job.is_over:
            await self._kubernetes.delete(handle)

    async def recover(self) -> dict[str, str]:
        """Return nothing: Jobs continue, and `find` finds them by their nodes."""
        return {}
