# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translates a job into LAVA's job definition; pure. Built as data, never as text.

https://docs.lavasoftware.org/lava/dispatcher-format.html
"""

from dataclasses import dataclass
from typing import Any

import yaml

from kci_lava_bridge.actions import actions, seconds
from kci_lava_bridge.lab_file import Boot, Device, Lab
from kci_shared.models import Definition, Job, Node
from kci_shared.text import plain

MAX_NAME = 200
"""Characters of a job's name in LAVA."""
CONNECTION_S = 120
MAX_PRIORITY = 100
UNITS = {"seconds", "minutes", "hours", "days"}
"""Keys of a time limit, which a lab replaces as a whole."""


@dataclass(frozen=True)
class Callback:
    """Where LAVA sends its callback, and the token that authenticates it."""

    url: str
    token: str


@dataclass(frozen=True)
class Order:
    """A job to submit to LAVA."""

    node: Node
    definition: Definition
    queue_s: float
    """How long it may wait for a device."""
    callback: Callback | None = None


def dump(job: dict[str, Any]) -> str:
    """Return a definition as YAML."""
    return yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def build(lab: Lab, device: Device, order: Order) -> dict[str, Any]:
    """Return LAVA's definition of a job; `BadJob` if LAVA cannot run it."""
    node, definition = order.node, order.definition
    job: dict[str, Any] = {
        "job_name": _name(node),
        "metadata": {"node_id": node.id, "runtime": _field(node, "runtime")},
        "visibility": lab.visibility,
        "priority": _priority(lab, node),
        "timeouts": {
            "job": seconds(definition.timeout),
            "action": seconds(definition.timeout),
            "connection": seconds(min(CONNECTION_S, definition.timeout)),
            "queue": seconds(order.queue_s),
        },
        "actions": [_adapted(action, device) for action in actions(device, definition)],
        **_hardware(device, definition),
    }
    if order.callback:
        job["notify"] = _notify(order.callback)
    return _merged(job, device.job)


def _name(node: Node) -> str:
    """Return a job's name, which begins with the node's id to be found by it."""
    revision = node.data.kernel_revision
    words = [node.id, node.name, _field(node, "platform"), revision and revision.short]
    return plain(" ".join(word for word in words if word))[:MAX_NAME]


def _field(node: Node, key: str) -> str:
    return str(getattr(node.data, key, None) or "")


def _priority(lab: Lab, node: Node) -> int:
    """Scale our priority, 0 to 100, to the band of LAVA's that the lab grants us."""
    ours = node.data.priority if isinstance(node, Job) else None
    share = min(max(ours or 0, 0), MAX_PRIORITY) / MAX_PRIORITY
    band = lab.priority
    return band.lowest + round(share * (band.highest - band.lowest))


def _hardware(device: Device, definition: Definition) -> dict[str, Any]:
    """Return which device, or devices, a job needs."""
    context = dict(device.context)
    if device.arguments and device.boot is not Boot.QEMU:
        context.setdefault("extra_kernel_args", device.arguments)
    needs = {"device_type": device.type, "tags": list(device.tags), "context": context}
    needs = {key: value for key, value in needs.items() if value}
    if not device.roles:
        return needs
    roles = {role: {"count": n, **needs} for role, n in device.roles.items()}
    multinode = {"roles": roles, "timeout": seconds(definition.timeout)}
    return {"protocols": {"lava-multinode": multinode}}


def _notify(callback: Callback) -> dict[str, Any]:
    """Request a callback that contains no more than which job has ended."""
    return {
        "criteria": {"status": "finished"},
        "callback": {
            "url": callback.url,
            "token": callback.token,
            "method": "POST",
            "dataset": "minimal",
            "content-type": "json",
        },
    }


def _adapted(action: dict[str, Any], device: Device) -> dict[str, Any]:
    """Return an action with the lab's roles and its overrides."""
    [(kind, fields)] = action.items()
    if device.roles:
        fields = {**fields, "role": list(device.roles)}
    return {kind: _merged(fields, device.actions.get(kind, {}))}  # type: ignore[call-overload]


def _merged(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Override keys of a mapping, recursively; None removes a key."""
    merged = dict(base)
    for key, value in overrides.items():
        old = merged.get(key)
        is_time = isinstance(old, dict) and set(old) <= UNITS
        if isinstance(old, dict) and isinstance(value, dict) and not is_time:
            merged[key] = _merged(old, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged
