# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a job in LAVA says about itself: its node, and its part in a multinode job."""

from typing import Any

from kci_lava_bridge.answers import Health, LavaJob, State
from kci_lava_bridge.safe_yaml import read_yaml
from kci_shared.lab import LabError


def read_job_definition(job: LavaJob) -> dict[str, Any]:
    """Return the definition that a job was submitted with; empty if unreadable."""
    try:
        definition = read_yaml(job.definition)
    except LabError:
        return {}
    return definition if isinstance(definition, dict) else {}


def is_of_node(job: LavaJob, node_id: str, runtime: str, user: str) -> bool:
    """Return whether we submitted a job for a node: anybody may copy a job's name."""
    metadata = read_job_definition(job).get("metadata")
    expected = {"node_id": node_id, "runtime": runtime}
    return (
        job.submitter == user
        and isinstance(metadata, dict)
        and expected.items() <= metadata.items()
    )


def handle_of(jobs: list[LavaJob]) -> str | None:
    """Return the ids of the newest of a node's jobs, unless it was cancelled.

    The jobs of a multinode job belong together.
    """
    if not jobs:
        return None
    group = _multinode(jobs[0]).get("target_group")
    newest = [job for job in jobs if _multinode(job).get("target_group") == group]
    parts = newest if group else jobs[:1]
    if any(_is_cancelled(job) for job in parts):
        return None
    return ",".join(str(job_id) for job_id in sorted(job.id for job in parts))


def role_of(job: LavaJob) -> str:
    """Return the role of a device in a multinode job."""
    return str(_multinode(job).get("role", "device"))


def _multinode(job: LavaJob) -> dict[str, Any]:
    protocols = read_job_definition(job).get("protocols")
    part = protocols.get("lava-multinode") if isinstance(protocols, dict) else None
    return part if isinstance(part, dict) else {}


def _is_cancelled(job: LavaJob) -> bool:
    return job.state is State.CANCELING or job.health is Health.CANCELED
