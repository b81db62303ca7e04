# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Job that a cluster is given for a node; pure."""

import math
import re
from typing import Any

from kci_kubernetes_bridge.objects import MANAGED_BY, NODE_LABEL, RUNTIME_LABEL
from kci_shared.work import BridgeSettings

KEPT_SECONDS = 3600
"""How long the cluster keeps a Job that ended: a bridge may have to come back."""


def name_of(node_id: str) -> str:
    """Return the name of a node's Job: of two that are created, one is refused."""
    return f"kci-{node_id}"


def label_of(runtime: str) -> str:
    """Return a runtime's name as a label takes it."""
    return re.sub(r"[^A-Za-z0-9]+\Z", "", runtime[:63])


def selector_of(runtime: str) -> str:
    """Return what finds the Jobs and the pods of a runtime."""
    return f"{MANAGED_BY}=kernelci,{RUNTIME_LABEL}={label_of(runtime)}"


def manifest(
    node_id: str, pod: dict[str, Any], settings: BridgeSettings
) -> dict[str, Any]:
    """Return a node's Job, which tries its pod once."""
    labels = {
        MANAGED_BY: "kernelci",
        NODE_LABEL: node_id,
        RUNTIME_LABEL: label_of(settings.runtime),
    }
    run: int = pod["activeDeadlineSeconds"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name_of(node_id), "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(settings.queue) + run,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
