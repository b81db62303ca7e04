# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pods of tests and of builds; pure.

None gets a token of the cluster's. What strangers wrote gets none of ours either: a
build's first container has the sources, and when it has ended a second one the token.
"""

import math
from typing import Any

from kci_kubernetes_bridge.lab import Builds, Lab, Platform
from kci_kubernetes_bridge.objects import JOB_CONTAINER
from kci_kubernetes_bridge.script import mark_of, script_of, variables_of
from kci_shared.lab import NoDevice, read_definition
from kci_shared.work import BadJob, LabJob
from kci_shared.work.build import BuildOrder

BUILD_CONTAINER = "build"
FOLDER = "/build"
MOUNT = {"name": BUILD_CONTAINER, "mountPath": FOLDER}
LONGEST_ORDER = 100_000
"""Linux takes no variable of more than 128 KiB."""
AROUND_S = 1800
"""What a build gets beside its own time: to fetch its sources, to store artifacts."""
CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What a program of strangers may do: nothing that a plain user may not."""


def script_pod(lab: Lab, job: LabJob) -> dict[str, Any]:
    """Return the pod of a job; `BadJob` or `NoDevice` when it cannot run here."""
    platform, definition = _platform(lab, job), read_definition(job)
    wanted, where = definition.params.get("image"), "params.image"
    image = platform.image if wanted is None else _allowed(lab, wanted, where)
    told = {"KCI_NODE_ID": job.id, **variables_of(definition)}
    container = _container(JOB_CONTAINER, image, platform, told)
    if definition.tests:
        script = script_of(mark_of(job), definition.tests)
        container["command"] = ["/bin/sh", "-c", _literal(script)]
    return _pod(platform, definition.timeout, containers=[container])


def build_pod(lab: Lab, order: BuildOrder, storage_url: str) -> dict[str, Any]:
    """Return the pod of a build; `BadJob` or `NoDevice` when it cannot run here."""
    builds, wanted = lab.builds, order.definition.image
    if builds is None:
        raise NoDevice("this cluster builds no kernels: its file says not how")
    image = builds.image if wanted is None else _allowed(lab, wanted, "image")
    folder = {"name": BUILD_CONTAINER, "emptyDir": {"sizeLimit": builds.disk}}
    return _pod(
        builds,
        order.definition.timeout + AROUND_S,
        initContainers=[_maker(builds, image, order)],
        containers=[_deliverer(builds, storage_url)],
        volumes=[*builds.pod.get("volumes", []), folder],
    )


def _maker(builds: Builds, image: str, order: BuildOrder) -> dict[str, Any]:
    """Return the container that has the sources, and no secret."""
    told = order.model_dump_json(exclude_defaults=True)
    if len(told.encode()) > LONGEST_ORDER:
        raise BadJob(f"data.definition: longer than {LONGEST_ORDER} bytes")
    env = {"KCI_ORDER": told, "KCI_MAKE_JOBS": str(_processors(builds.cpu))}
    return {
        **_container(BUILD_CONTAINER, image, builds, {**env, "KCI_FOLDER": FOLDER}),
        "command": ["kci-builder-once"],
        "volumeMounts": [MOUNT],
    }


def _deliverer(builds: Builds, storage_url: str) -> dict[str, Any]:
    """Return the container that has the token; no build may name its image."""
    small = Platform(image=builds.image, cpu="100m", memory="256Mi")
    env = {"KCI_STORAGE_URL": storage_url, "KCI_FOLDER": FOLDER}
    made = _container(JOB_CONTAINER, builds.image, small, env)
    source = {"secretKeyRef": {"name": builds.secret, "key": "token"}}
    return {
        **made,
        "env": [*made["env"], {"name": "KCI_TOKEN", "valueFrom": source}],
        "command": ["kci-builder-deliver"],
        "volumeMounts": [MOUNT],
    }


def _pod(platform: Platform, run: float, **parts: Any) -> dict[str, Any]:
    return {
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,  # whoever ends it wants nothing more of it
        **platform.pod,
        **parts,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # of the run alone; at the Job's own the cluster would take the log away
        "activeDeadlineSeconds": math.ceil(run),
    }


def _platform(lab: Lab, job: LabJob) -> Platform:
    name = job.platform
    if name not in lab.platforms:
        raise NoDevice(f"this cluster has no {name}, but {', '.join(lab.platforms)}")
    return lab.platforms[name]


def _container(
    name: str, image: str, platform: Platform, told: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "env": [{"name": n, "value": _literal(v)} for n, v in told.items()],
        "resources": {
            "requests": {"cpu": platform.cpu, "memory": platform.memory},
            "limits": {"memory": platform.memory},
        },
        "securityContext": CONFINED,
    }


def _allowed(lab: Lab, wanted: object, where: str) -> str:
    """Return the image that a definition names, if this lab lets it."""
    if not isinstance(wanted, str) or not any(_fits(wanted, i) for i in lab.images):
        allowed = ", ".join(lab.images) or "none"
        raise BadJob(f"data.definition.{where}: of images this lab takes {allowed}")
    return wanted


def _fits(image: str, allowed: str) -> bool:
    return image == allowed or (allowed.endswith("/") and image.startswith(allowed))


def _processors(cpu: str) -> int:
    """Return how many processors a quantity such as `2` or `500m` is, at least one."""
    return 1 if cpu.endswith("m") else math.ceil(float(cpu))


def _literal(text: str) -> str:
    """Return a text that stays what it is: Kubernetes would fill in `$(NAME)`."""
    return text.replace("$", "$$")
