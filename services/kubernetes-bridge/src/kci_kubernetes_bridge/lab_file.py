# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's own file: its cluster, platforms and builds."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from kci_shared.lab.labfile import LAB_ENTRY, read_lab_file
from kci_shared.work.build import BUILD

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?([munkMGTP]|[KMGTP]i)?$")]
Image = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=400)
]

OURS = {
    "containers",
    "initContainers",
    "restartPolicy",
    "activeDeadlineSeconds",
    "automountServiceAccountToken",
}
"""The fields of a pod's spec that a lab cannot set."""


class _Entry(BaseModel):
    model_config = LAB_ENTRY


class Platform(_Entry):
    """How this cluster runs the jobs of one platform."""

    image: Image
    cpu: Quantity = "1"
    memory: Quantity = "1Gi"
    """The request of each container, and the limit."""
    pod: dict[str, Any] = {}
    """More fields of the pod's spec: nodeSelector, tolerations, ..."""

    @field_validator("pod")
    @classmethod
    def _must_not_be_ours(cls, pod: dict[str, Any]) -> dict[str, Any]:
        if own := sorted(OURS & pod.keys()):
            raise ValueError(f"the bridge itself sets {', '.join(own)}: remove it")
        return pod


class Builds(Platform):
    """How this cluster builds kernels; the image is one of our builder's."""

    secret: Name
    """A Secret of the namespace whose `token` may store artifacts."""
    disk: Quantity = "20Gi"
    """The limit of sources, objects and artifacts together."""


class Lab(_Entry):
    """A namespace of a Kubernetes cluster."""

    kubeconfig: Path | None = None
    """None: the bridge runs in the cluster, with a ServiceAccount."""
    context: str | None = None
    """A context of the kubeconfig; by default the current one."""
    namespace: Name | None = None
    """By default the context's, or the ServiceAccount's."""
    pending: Annotated[int, Field(ge=1, le=500)] = 10
    """With so many of our pods waiting for a machine nothing more is claimed."""
    images: list[Image] = []
    """The images that a job's `params.image` and a build's `image` may name; one that
    ends in `/` allows all that begin with it."""
    platforms: dict[str, Platform] = {}
    """By KernelCI's names of platforms."""
    builds: Builds | None = None
    """None: no kernels are built here."""

    @model_validator(mode="after")
    def _must_do_something(self) -> Self:
        if not self.platforms and self.builds is None:
            raise ValueError("has neither `platforms` nor `builds`: add one of them")
        if BUILD in self.platforms:
            raise ValueError(f"platforms: {BUILD}: use `builds` for it")
        return self

    @property
    def claimed(self) -> list[str]:
        """The platforms whose jobs are claimed, and that of builds."""
        return [*self.platforms, *([BUILD] if self.builds else [])]

    @field_validator("kubeconfig")
    @classmethod
    def _must_exist(cls, file: Path | None, validation: ValidationInfo) -> Path | None:
        if file is None:
            return None
        file = (validation.context or Path()) / file
        if not file.is_file():
            raise ValueError(f"no such file: {file}")
        return file


def read_lab(file: Path) -> Lab:
    """Read a lab's file; `ConfigError` names the line of each mistake."""
    return read_lab_file(file, Lab)
