# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Job that runs a node's work; pure."""

import math
import re
from typing import Any

from kci_kubernetes_bridge.objects import MANAGED_BY, NODE_LABEL, RUNTIME_LABEL
from kci_shared.work import BridgeSettings

KEPT_S = 3600
"""How long the cluster keeps a Job that has ended: a bridge may have to come back."""
MAX_LABEL_CHARS = 63


def name_of(node_id: str) -> str:
    """Return the name of a node's Job; the cluster refuses a second one of it."""
    return f"kci-{node_id}"


def label_of(runtime: str) -> str:
    """Return a runtime's name as the value of a label."""
    return re.sub(r"[^A-Za-z0-9]+\Z", "", runtime[:MAX_LABEL_CHARS])


def selector_of(runtime: str) -> str:
    """Return the label selector of all Jobs and pods of a runtime."""
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
    run_s: int = pod["activeDeadlineSeconds"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name_of(node_id), "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(settings.queue) + run_s,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
