# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's own file: which cluster it is, and what its containers are like."""

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
"""Of a pod's spec, what the bridge's promises rest on."""


class _Entry(BaseModel):
    model_config = LAB_ENTRY


class Platform(_Entry):
    """How this cluster runs the jobs of one platform."""

    image: Image
    cpu: Quantity = "1"
    memory: Quantity = "1Gi"
    """What each container is promised; of memory it gets no more."""
    pod: dict[str, Any] = {}
    """What else a pod's spec shall hold: nodeSelector, tolerations, ..."""

    @field_validator("pod")
    @classmethod
    def _must_not_be_ours(cls, pod: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(OURS & pod.keys()):
            raise ValueError(f"the bridge itself sets {', '.join(taken)}")
        return pod


class Builds(Platform):
    """How this cluster builds kernels; the image is one of our builder's."""

    secret: Name
    """A Secret of the namespace whose `token` may store artifacts."""
    disk: Quantity = "20Gi"
    """What sources and all that is made of them may take."""


class Lab(_Entry):
    """A namespace of a Kubernetes cluster."""

    kubeconfig: Path | None = None
    """Without one the bridge runs in the cluster, with a ServiceAccount."""
    context: str | None = None
    """Of the kubeconfig; by default the current one."""
    namespace: Name | None = None
    """By default the context's, or the ServiceAccount's."""
    pending: Annotated[int, Field(ge=1, le=500)] = 10
    """How many of our pods may wait for a machine before no more is claimed."""
    images: list[Image] = []
    """What a job may name by `params.image`, and a build by `image`: an image, or all
    below a `.../`."""
    platforms: dict[str, Platform] = {}
    """By KernelCI's name of the platform."""
    builds: Builds | None = None
    """Without it the cluster builds no kernels."""

    @model_validator(mode="after")
    def _must_do_something(self) -> Self:
        if not self.platforms and self.builds is None:
            raise ValueError("name `platforms`, or say how it `builds`")
        if BUILD in self.platforms:
            raise ValueError(f"platforms: {BUILD}: this is what `builds` is for")
        return self

    @property
    def claimed(self) -> list[str]:
        """The platforms whose work is claimed: a build's is one, too."""
        return [*self.platforms, *([BUILD] if self.builds else [])]

    @field_validator("kubeconfig")
    @classmethod
    def _must_exist(cls, file: Path | None, validation: ValidationInfo) -> Path | None:
        if file is None:
            return None
        file = (validation.context or Path()) / file
        if not file.is_file():
            raise ValueError(f"there is no file {file}")
        return file


def read_lab(file: Path) -> Lab:
    """Read a lab's file; `ConfigError` names the line of each mistake."""
    return read_lab_file(file, Lab)
