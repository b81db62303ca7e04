# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs and pods as Kubernetes tells of them: what we read of them."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

T = TypeVar("T")

NODE_LABEL = "kernelci.org/node"
RUNTIME_LABEL = "kernelci.org/runtime"
JOB_CONTAINER = "job"
"""Whose end is the run's."""
MANAGED_BY = "app.kubernetes.io/managed-by"

Items = Annotated[list[T], BeforeValidator(lambda value: value or [])]
"""What Go has as no list, it writes as null."""


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class Meta(_Wire):
    """What all objects have."""

    name: str = ""
    labels: dict[str, str] = {}
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    resource_version: str = ""


class Condition(_Wire):
    """Something that is, or is not, so."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class Waiting(_Wire):
    """A container that has not started."""

    reason: str = ""
    message: str = ""


class Terminated(_Wire):
    """A container that has ended."""

    exit_code: int
    reason: str = ""
    message: str = ""


class ContainerState(_Wire):
    """One of these, or neither: it runs."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Wire):
    """A container of a pod."""

    name: str = ""
    state: ContainerState = ContainerState()


class PodStatus(_Wire):
    """Where a pod is."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    conditions: Items[Condition] = []
    init_container_statuses: Items[ContainerStatus] = []
    container_statuses: Items[ContainerStatus] = []

    @property
    def containers(self) -> list[ContainerStatus]:
        """All of them, in the order in which they begin."""
        return [*self.init_container_statuses, *self.container_statuses]


class PodSpec(_Wire):
    """What a pod was made from, and where it runs."""

    node_name: str | None = None


class Pod(_Wire):
    """One run of a job's containers."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def owner(self) -> str:
        """The name of its Job."""
        return self.metadata.labels.get("job-name", "")

    @property
    def has_ended(self) -> bool:
        """Say whether it runs no more; its Job may not have heard of it yet."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def speaker(self) -> str:
        """The container whose log tells how far the run came."""
        for container in self.status.init_container_statuses:
            ended = container.state.terminated
            if ended is None or ended.exit_code != 0:
                return container.name
        return JOB_CONTAINER


class JobStatus(_Wire):
    """Where a Job is."""

    conditions: Items[Condition] = []


class Job(_Wire):
    """What creates pods until one has ended."""

    metadata: Meta
    status: JobStatus = JobStatus()

    @property
    def owner(self) -> str:
        """Its own name."""
        return self.metadata.name

    def condition(self, kind: str) -> Condition | None:
        """Return a condition that holds."""
        for condition in self.status.conditions:
            if condition.type == kind and condition.status == "True":
                return condition
        return None

    @property
    def is_over(self) -> bool:
        """Say whether no pod of it will run any more."""
        return bool(self.condition("Complete") or self.condition("Failed"))
