# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pods of tests and of builds; pure.

No pod gets a token of the cluster. A container that runs the work of strangers gets
none of ours either: a build's first container has the sources, its second one the
token, and the second one starts when the first one has ended.
"""

import math
from typing import Any

from kci_kubernetes_bridge.lab_file import Builds, Lab, Platform
from kci_kubernetes_bridge.objects import JOB_CONTAINER
from kci_kubernetes_bridge.script import mark_of, script_of, variables_of
from kci_shared.lab import NoDevice, read_definition
from kci_shared.work import BadJob, LabJob
from kci_shared.work.build import BuildOrder

BUILD_CONTAINER = "build"
FOLDER = "/build"
MOUNT = {"name": BUILD_CONTAINER, "mountPath": FOLDER}
MAX_ORDER_BYTES = 100_000
"""Linux takes no variable of more than 128 KiB."""
MAX_NAME_CHARS = 200
"""How much of an unknown image's name an error repeats."""
TRANSFER_S = 1800
"""Added to a build's own time limit: to fetch sources, and to store artifacts."""
CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The rights of a plain user, and no more."""


def script_pod(lab: Lab, job: LabJob) -> dict[str, Any]:
    """Return the pod of a job; `BadJob` or `NoDevice` if it cannot run here."""
    platform, definition = _platform(lab, job), read_definition(job)
    asked = definition.params.get("image")
    image = platform.image if asked is None else _allowed(lab, asked, "params.image")
    variables = {"KCI_NODE_ID": job.id, **variables_of(definition)}
    container = _container(JOB_CONTAINER, image, platform, variables)
    if definition.tests:
        script = script_of(mark_of(job), definition.tests)
        container["command"] = ["/bin/sh", "-c", _literal(script)]
    return _pod(platform, definition.timeout, containers=[container])


def build_pod(lab: Lab, order: BuildOrder, storage_url: str) -> dict[str, Any]:
    """Return the pod of a build; `BadJob` or `NoDevice` if it cannot run here."""
    builds, asked = lab.builds, order.definition.image
    if builds is None:
        raise NoDevice("no kernels are built here: the lab's file has no `builds`")
    image = builds.image if asked is None else _allowed(lab, asked, "image")
    folder = {"name": BUILD_CONTAINER, "emptyDir": {"sizeLimit": builds.disk}}
    return _pod(
        builds,
        order.definition.timeout + TRANSFER_S,
        initContainers=[_build_container(builds, image, order)],
        containers=[_delivery_container(builds, storage_url)],
        volumes=[*builds.pod.get("volumes", []), folder],
    )


def _build_container(builds: Builds, image: str, order: BuildOrder) -> dict[str, Any]:
    """Return the container that has the sources, and no secret."""
    text = order.model_dump_json(exclude_defaults=True)
    if len(text.encode()) > MAX_ORDER_BYTES:
        raise BadJob(
            f"data.definition: longer than {MAX_ORDER_BYTES} bytes; shorten it"
        )
    variables = {
        "KCI_ORDER": text,
        "KCI_MAKE_JOBS": str(_processors(builds.cpu)),
        "KCI_FOLDER": FOLDER,
    }
    return {
        **_container(BUILD_CONTAINER, image, builds, variables),
        "command": ["kci-builder-once"],
        "volumeMounts": [MOUNT],
    }


def _delivery_container(builds: Builds, storage_url: str) -> dict[str, Any]:
    """Return the container that has the token; a build cannot choose its image."""
    small = Platform(image=builds.image, cpu="100m", memory="256Mi")
    variables = {"KCI_STORAGE_URL": storage_url, "KCI_FOLDER": FOLDER}
    container = _container(JOB_CONTAINER, builds.image, small, variables)
    token = {"secretKeyRef": {"name": builds.secret, "key": "token"}}
    return {
        **container,
        "env": [*container["env"], {"name": "KCI_TOKEN", "valueFrom": token}],
        "command": ["kci-builder-deliver"],
        "volumeMounts": [MOUNT],
    }


def _pod(platform: Platform, run_s: float, **parts: Any) -> dict[str, Any]:
    return {
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,  # what it would still say is not read
        **platform.pod,
        **parts,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # the pod's own: at the end of the Job's the cluster removes the log
        "activeDeadlineSeconds": math.ceil(run_s),
    }


def _platform(lab: Lab, job: LabJob) -> Platform:
    if job.platform not in lab.platforms:
        platforms = ", ".join(lab.platforms)
        raise NoDevice(f"no platform {job.platform} here: the lab has {platforms}")
    return lab.platforms[job.platform]


def _container(
    name: str, image: str, platform: Platform, variables: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "env": [{"name": n, "value": _literal(v)} for n, v in variables.items()],
        "resources": {
            "requests": {"cpu": platform.cpu, "memory": platform.memory},
            "limits": {"memory": platform.memory},
        },
        "securityContext": CONFINED,
    }


def _allowed(lab: Lab, image: object, field: str) -> str:
    """Return the image that a definition names, if the lab allows it."""
    if not isinstance(image, str) or not any(_fits(image, one) for one in lab.images):
        allowed = ", ".join(lab.images) or "none"
        name = str(image)[:MAX_NAME_CHARS]
        raise BadJob(
            f"data.definition.{field}: {name!r} is not one of the lab's: {allowed}"
        )
    return image


def _fits(image: str, allowed: str) -> bool:
    return image == allowed or (allowed.endswith("/") and image.startswith(allowed))


def _processors(cpu: str) -> int:
    """Return a quantity such as `2` or `500m` in whole processors, at least one."""
    return 1 if cpu.endswith("m") else math.ceil(float(cpu))


def _literal(text: str) -> str:
    """Escape a text in which Kubernetes would expand `$(NAME)`."""
    return text.replace("$", "$$")
