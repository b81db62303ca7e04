# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Job that a cluster is given for a node; pure."""

import math
import re
from typing import Any

from kci_kubernetes_bridge.kubernetes import CONTAINER
from kci_kubernetes_bridge.lab import Lab, Platform
from kci_kubernetes_bridge.objects import MANAGED_BY, NODE_LABEL, RUNTIME_LABEL
from kci_kubernetes_bridge.script import mark_of, script_of, variables_of
from kci_shared.bridge import BadJob, LabJob, NoDevice

KEPT_SECONDS = 3600
"""How long the cluster keeps a Job that ended: a bridge may have to come back."""
NOBODY_S = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""A container is a program of strangers."""


def name_of(node_id: str) -> str:
    """Return the name of a node's Job: of two that are created, one is refused."""
    return f"kci-{node_id}"


def label_of(runtime: str) -> str:
    """Return a runtime's name as a label takes it."""
    return re.sub(r"[^A-Za-z0-9]+\Z", "", runtime[:63])


def selector_of(runtime: str) -> str:
    """Return what finds the Jobs and the pods of a runtime."""
    return f"{MANAGED_BY}=kernelci,{RUNTIME_LABEL}={label_of(runtime)}"


def manifest(lab: Lab, job: LabJob, runtime: str, queue: float) -> dict[str, Any]:
    """Return a node's Job; `BadJob` or `NoDevice` when it cannot run here.

    It is tried once, and gets neither a token of the cluster's nor one of ours.
    """
    labels = {
        MANAGED_BY: "kernelci",
        NODE_LABEL: job.id,
        RUNTIME_LABEL: label_of(runtime),
    }
    platform = _platform(lab, job)
    run = math.ceil(job.definition.timeout)
    pod = {
        "enableServiceLinks": False,
        **platform.pod,
        "containers": [_container(lab, platform, job)],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # of the run alone; at the Job's own the cluster would take the log away
        "activeDeadlineSeconds": run,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name_of(job.id), "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(queue) + run,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _platform(lab: Lab, job: LabJob) -> Platform:
    name = str(getattr(job.node.data, "platform", None))
    if name not in lab.platforms:
        raise NoDevice(f"this cluster has no {name}, but {', '.join(lab.platforms)}")
    return lab.platforms[name]


def _container(lab: Lab, platform: Platform, job: LabJob) -> dict[str, Any]:
    definition = job.definition
    told = {"KCI_NODE_ID": job.id, **variables_of(definition)}
    made: dict[str, Any] = {
        "name": CONTAINER,
        "image": _image(lab, platform, job),
        "env": [{"name": n, "value": _literal(v)} for n, v in told.items()],
        "resources": {
            "requests": {"cpu": platform.cpu, "memory": platform.memory},
            "limits": {"memory": platform.memory},
        },
        "securityContext": NOBODY_S,
    }
    if definition.tests:
        script = script_of(mark_of(job), definition.tests)
        made["command"] = ["/bin/sh", "-c", _literal(script)]
    return made


def _image(lab: Lab, platform: Platform, job: LabJob) -> str:
    """Return the image that the job names, if this lab lets it, or its own."""
    wanted = job.definition.params.get("image")
    if wanted is None:
        return platform.image
    if not isinstance(wanted, str) or not any(_fits(wanted, i) for i in lab.images):
        allowed = ", ".join(lab.images) or "none"
        raise BadJob(
            f"data.definition.params.image: of images this lab takes {allowed}"
        )
    return wanted


def _fits(image: str, allowed: str) -> bool:
    return image == allowed or (allowed.endswith("/") and image.startswith(allowed))


def _literal(text: str) -> str:
    """Return a text that stays what it is: Kubernetes would fill in `$(NAME)`."""
    return text.replace("$", "$$")
