# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes of jobs, as they are created."""

from typing import Any

from kci_shared.config import Config, Placement, Priority
from kci_shared.models import (
    Definition,
    ErrorCode,
    Job,
    Kbuild,
    Kind,
    NewNode,
    Node,
    Result,
    Revision,
    State,
)

IMAGES = ("kernel", "ramdisk", "modules", "dtb")
"""The artifacts of a build that a device boots with."""
PRIORITIES = {Priority.LOW: 20, Priority.MEDIUM: 40, Priority.HIGH: 60}
"""As numbers: a claim takes the greatest first."""
PLANNED = {
    "arch",
    "compiler",
    "config_full",
    "defconfig",
    "definition",
    "platform",
    "priority",
    "runtime",
}
"""What of a job's data is there before it runs."""


def first_attempt(
    config: Config, placement: Placement, parent: Node, build: Kbuild
) -> NewNode:
    """Return a test's job below a node; one that cannot run is over at once."""
    test = config.tests[placement.test]
    data = {
        **_built_as(config, build),
        "platform": placement.platform,
        "runtime": placement.lab,
        "priority": _priority(config, placement.test, build.data.kernel_revision),
    }
    if "kernel" not in build.artifacts:
        data["error_code"] = ErrorCode.INVALID_JOB_PARAMS
        data["error_msg"] = f"{build.name} has no artifact 'kernel'"
        ended = {"state": State.DONE, "result": Result.INCOMPLETE}
        return _job(parent.id, placement.test, data).model_copy(update=ended)
    definition = Definition(
        artifacts={
            name: url for name, url in build.artifacts.items() if name in IMAGES
        },
        tests=test.steps,
        timeout=test.timeout,
    )
    data["definition"] = definition.model_dump(mode="json")
    return _job(parent.id, placement.test, data)


def next_attempt(job: Job) -> NewNode:
    """Return the same job once more, beside the one that failed."""
    data = job.data.model_dump(mode="json", include=PLANNED, exclude_none=True)
    return _job(job.parent or "", job.name, data, job.retry_counter + 1)


def _built_as(config: Config, build: Kbuild) -> dict[str, Any]:
    """Say how a kernel was built; what the node leaves open, its name tells."""
    named, said = config.built[build.name], build.data
    return {
        "arch": said.arch or named.arch,
        "compiler": said.compiler or named.compiler,
        "defconfig": said.defconfig or named.config,
        "config_full": said.config_full or named.config,
    }


def _priority(config: Config, test: str, revision: Revision | None) -> int:
    tree = config.trees.get(revision.tree) if revision else None
    branch = tree.branches.get(revision.branch) if tree and revision else None
    of_branch = branch.priority if branch else None
    return PRIORITIES[of_branch or config.tests[test].priority]


def _job(parent: str, name: str, data: dict[str, Any], attempt: int = 0) -> NewNode:
    key = f"{parent}/{name}/{data['runtime']}/{data['platform']}/{attempt}"
    return NewNode(
        kind=Kind.JOB,
        name=name,
        group=name,
        parent=parent,
        data=data,
        retry_counter=attempt,
        idempotency_key=key,
    )
