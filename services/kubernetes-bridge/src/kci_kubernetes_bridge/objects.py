# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs and pods of the Kubernetes API: the fields that the bridge reads."""

from abc import abstractmethod
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

T = TypeVar("T")

NODE_LABEL = "kernelci.org/node"
RUNTIME_LABEL = "kernelci.org/runtime"
JOB_CONTAINER = "job"
"""The container whose end is the end of the run."""
MANAGED_BY = "app.kubernetes.io/managed-by"

Items = Annotated[list[T], BeforeValidator(lambda value: value or [])]
"""A list, which Go writes as null if it is empty."""


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class Meta(_Wire):
    """The metadata of any object."""

    name: str = ""
    labels: dict[str, str] = {}
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    resource_version: str = ""


class Watched(_Wire):
    """A kind of object that the bridge lists and watches."""

    api: ClassVar[str]
    """The path of its API group and version."""
    plural: ClassVar[str]
    """The last part of its collection's path."""
    resource: ClassVar[str]
    """Its name in a Role, with its API group."""

    metadata: Meta

    @property
    @abstractmethod
    def owner(self) -> str:
        """The name of the Job that the object belongs to."""


class Condition(_Wire):
    """A condition of a Job or a pod; it holds if `status` is "True"."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class Waiting(_Wire):
    """The state of a container that has not started."""

    reason: str = ""
    message: str = ""


class Terminated(_Wire):
    """The state of a container that has ended."""

    exit_code: int
    reason: str = ""
    message: str = ""


class ContainerState(_Wire):
    """At most one of these is set; a container that runs has neither."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Wire):
    """The status of one container of a pod."""

    name: str = ""
    state: ContainerState = ContainerState()


class PodStatus(_Wire):
    """The status of a pod and of its containers."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    conditions: Items[Condition] = []
    init_container_statuses: Items[ContainerStatus] = []
    container_statuses: Items[ContainerStatus] = []

    @property
    def containers(self) -> list[ContainerStatus]:
        """All containers, in the order in which they start."""
        return [*self.init_container_statuses, *self.container_statuses]


class PodSpec(_Wire):
    """The machine that a pod runs on; None while it waits for one."""

    node_name: str | None = None


class Pod(Watched):
    """One run of a Job's containers."""

    api = "api/v1"
    plural = resource = "pods"

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def owner(self) -> str:
        """The name of the pod's Job."""
        return self.metadata.labels.get("job-name", "")

    @property
    def has_ended(self) -> bool:
        """Whether the pod has ended; its Job may not know it yet."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def last_container(self) -> str:
        """The container that the run has come to, whose log is the run's."""
        for container in self.status.init_container_statuses:
            ended = container.state.terminated
            if ended is None or ended.exit_code != 0:
                return container.name
        return JOB_CONTAINER


class JobStatus(_Wire):
    """The status of a Job."""

    conditions: Items[Condition] = []


class Job(Watched):
    """A Job: it creates a pod, which runs to its end."""

    api = "apis/batch/v1"
    plural = "jobs"
    resource = "batch/jobs"

    status: JobStatus = JobStatus()

    @property
    def owner(self) -> str:
        """Its own name, as its pods have it."""
        return self.metadata.name

    def condition(self, kind: str) -> Condition | None:
        """Return a condition that holds."""
        for condition in self.status.conditions:
            if condition.type == kind and condition.status == "True":
                return condition
        return None

    @property
    def is_over(self) -> bool:
        """Whether no pod of the Job will run any more."""
        return bool(self.condition("Complete") or self.condition("Failed"))
