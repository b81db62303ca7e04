# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job in LAVA's words; pure. It is built as data, so no value can be more than one.

https://docs.lavasoftware.org/lava/dispatcher-format.html
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from kci_lava_bridge.lab import Boot, Device, Lab
from kci_lava_bridge.steps import SUITE, run_steps
from kci_shared.models import Definition, Job, Node, TestStep
from kci_shared.rules.artifacts import sha256_in
from kci_shared.text import plain
from kci_shared.work import BadJob

LONGEST_NAME = 200
COMPRESSIONS = {"gz": "gz", "xz": "xz", "bz2": "bz2", "zip": "zip", "zst": "zstd"}
DEPLOY_SECONDS = 600
CONNECTION_SECONDS = 120
TEST_MARGIN = 60
"""For LAVA's own work around the tests, in seconds."""
HIGHEST = 100
UNITS = {"seconds", "minutes", "hours", "days"}
ROOTFS = ("nfsrootfs", "ramdisk")
BOOTED = {"kernel", "ramdisk", "nfsrootfs", "modules", "dtb"}


@dataclass(frozen=True)
class Callback:
    """Where LAVA shall call when the job has ended, and by what it proves itself."""

    url: str
    token: str


@dataclass(frozen=True)
class Order:
    """A job that LAVA shall run for us."""

    node: Node
    definition: Definition
    queue: float
    """How long it may wait for a device, in seconds."""
    callback: Callback | None = None


def dump(job: dict[str, Any]) -> str:
    """Write a definition as LAVA reads it."""
    return yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def build(lab: Lab, device: Device, order: Order) -> dict[str, Any]:
    """Say in LAVA's words what shall be run; raises `BadJob` for what cannot be."""
    node, wanted = order.node, order.definition
    job: dict[str, Any] = {
        "job_name": _name(node),
        "metadata": {"node_id": node.id, "runtime": _said(node, "runtime")},
        "visibility": lab.visibility,
        "priority": _priority(lab, node),
        "timeouts": {
            "job": _seconds(wanted.timeout),
            "action": _seconds(wanted.timeout),
            "connection": _seconds(min(CONNECTION_SECONDS, wanted.timeout)),
            "queue": _seconds(order.queue),
        },
        "actions": [_laid_over(action, device) for action in _actions(device, wanted)],
        **_hardware(device, wanted),
    }
    if order.callback:
        job["notify"] = _notify(order.callback)
    return _merged(job, device.job)


def _name(node: Node) -> str:
    """Begin with the node's id: by that the job is found."""
    revision = node.data.kernel_revision
    words = [node.id, node.name, _said(node, "platform"), revision and revision.short]
    return plain(" ".join(word for word in words if word))[:LONGEST_NAME]


def _said(node: Node, key: str) -> str:
    return str(getattr(node.data, key, None) or "")


def _priority(lab: Lab, node: Node) -> int:
    """Bring our priorities, 0 to 100, into what the lab gives us of its own."""
    ours = node.data.priority if isinstance(node, Job) else None
    share = min(max(ours or 0, 0), HIGHEST) / HIGHEST
    band = lab.priority
    return band.lowest + round(share * (band.highest - band.lowest))


def _seconds(seconds: float) -> dict[str, int]:
    return {"seconds": max(1, math.ceil(seconds))}


def _hardware(device: Device, wanted: Definition) -> dict[str, Any]:
    """Say which device, or devices, the job needs."""
    context = dict(device.context)
    if device.arguments and device.boot is not Boot.QEMU:
        context.setdefault("extra_kernel_args", device.arguments)
    needs = {"device_type": device.type, "tags": list(device.tags), "context": context}
    needs = {key: value for key, value in needs.items() if value}
    if not device.roles:
        return needs
    roles = {role: {"count": n, **needs} for role, n in device.roles.items()}
    multinode = {"roles": roles, "timeout": _seconds(wanted.timeout)}
    return {"protocols": {"lava-multinode": multinode}}


def _notify(callback: Callback) -> dict[str, Any]:
    """Ask for a call that says no more than which job has ended."""
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


def _actions(device: Device, wanted: Definition) -> Iterator[dict[str, Any]]:
    artifacts = wanted.artifacts
    if "kernel" not in artifacts and not _brings_boot_image(device, artifacts):
        raise BadJob("data.definition.artifacts: add a kernel")
    unknown = sorted(set(artifacts) - BOOTED - {"boot"})
    if unknown:
        raise BadJob(
            f"data.definition.artifacts: LAVA has no use for {', '.join(unknown)}"
        )
    match device.boot:
        case Boot.QEMU:
            deploys = [_tmpfs(device, artifacts, has_tests=bool(wanted.tests))]
        case Boot.FASTBOOT:
            deploys = _fastboot(device, artifacts)
        case Boot.U_BOOT | Boot.GRUB | Boot.IPXE | Boot.DEPTHCHARGE:
            deploys = [_tftp(device, artifacts)]
    for deploy in deploys:
        limit = min(DEPLOY_SECONDS, wanted.timeout)
        yield {"deploy": {"timeout": _seconds(limit), **deploy}}
    yield {"boot": _boot(device, wanted)}
    if wanted.tests:
        yield {"test": _test(wanted.tests, wanted.timeout)}


def _brings_boot_image(device: Device, artifacts: dict[str, str]) -> bool:
    return device.boot is Boot.FASTBOOT and "boot" in artifacts


def _file(url: str) -> dict[str, Any]:
    """Describe a file to download: with its hash, if its address tells it."""
    path = urlsplit(url).path
    file: dict[str, Any] = {"url": url}
    if compression := COMPRESSIONS.get(path.rpartition(".")[2]):
        file["compression"] = compression
    if digest := sha256_in(url):
        file["sha256sum"] = digest
    return file


def _tmpfs(
    device: Device, artifacts: dict[str, str], *, has_tests: bool
) -> dict[str, Any]:
    """Hand files to QEMU; the tests go into the ramdisk, if there are any."""
    if left := sorted(set(artifacts) - {"kernel", "ramdisk"}):
        raise BadJob(f"data.definition.artifacts: QEMU has no use for {left[0]}")
    kernel = _file(artifacts["kernel"])
    kernel["image_arg"] = f'-kernel {{kernel}} -append "{device.arguments}"'
    images = {"kernel": kernel}
    if "ramdisk" in artifacts:
        ramdisk = _file(artifacts["ramdisk"])
        ramdisk["image_arg"] = "-initrd {ramdisk}"
        if has_tests:
            ramdisk |= {"format": "cpio.newc", "overlays": {"lava": True}}
        images["ramdisk"] = ramdisk
    elif has_tests:
        raise BadJob("data.definition.artifacts: add a ramdisk for the tests")
    return {"to": "tmpfs", "os": "oe", "images": images}


def _tftp(device: Device, artifacts: dict[str, str]) -> dict[str, Any]:
    if not any(name in artifacts for name in ROOTFS):
        raise BadJob("data.definition.artifacts: add a ramdisk or an nfsrootfs")
    if "boot" in artifacts:
        raise BadJob("data.definition.artifacts: boot is for fastboot alone")
    files = {name: _file(url) for name, url in artifacts.items()}
    files["kernel"]["type"] = device.kernel_type
    return {"to": "tftp", "os": "oe", **files}


def _fastboot(device: Device, artifacts: dict[str, str]) -> list[dict[str, Any]]:
    """Flash the job's boot image, or one that the lab makes of the job's files."""
    assert device.docker is not None
    docker = {"image": device.docker.image}
    flash = {"to": "fastboot", "docker": docker, "os": "oe"}
    if "boot" in artifacts:
        return [{**flash, "images": {"boot": _file(artifacts["boot"])}}]
    if not device.docker.steps:
        raise BadJob("data.definition.artifacts: add a boot image for fastboot")
    made = {
        "to": "downloads",
        "images": {name: _file(url) for name, url in artifacts.items()},
        "postprocess": {"docker": {**docker, "steps": list(device.docker.steps)}},
    }
    return [made, {**flash, "images": {"boot": {"url": "downloads://boot.img"}}}]


def _boot(device: Device, wanted: Definition) -> dict[str, Any]:
    boot: dict[str, Any] = {
        "method": device.boot.value,
        "timeout": _seconds(min(device.boot_timeout, wanted.timeout)),
        "prompts": list(device.prompts),
    }
    match device.boot:
        case Boot.QEMU:
            boot["media"] = "tmpfs"
        case Boot.FASTBOOT:
            assert device.docker is not None
            boot["docker"] = {"image": device.docker.image}
        case Boot.U_BOOT | Boot.GRUB | Boot.IPXE | Boot.DEPTHCHARGE:
            boot["commands"] = "nfs" if "nfsrootfs" in wanted.artifacts else "ramdisk"
    if login := device.login:
        boot["auto_login"] = {"login_prompt": login.prompt, "username": login.user}
        if login.password is not None:
            boot["auto_login"] |= {
                "password_prompt": login.password_prompt,
                "password": login.password,
            }
    return boot


def _test(steps: list[TestStep], limit: float) -> dict[str, Any]:
    format_name = "Lava-Test Test Definition 1.0"
    about = {"format": format_name, "name": SUITE, "description": "KernelCI"}
    definition = {
        "from": "inline",
        "name": SUITE,
        "path": f"inline/{SUITE}.yaml",
        "repository": {"metadata": about, "run": {"steps": run_steps(steps)}},
    }
    needed = sum(step.timeout for step in steps) + TEST_MARGIN
    return {"timeout": _seconds(min(needed, limit)), "definitions": [definition]}


def _laid_over(action: dict[str, Any], device: Device) -> dict[str, Any]:
    """Add to an action what the lab says of it."""
    [(kind, said)] = action.items()
    if device.roles:
        said = {**said, "role": list(device.roles)}
    return {kind: _merged(said, device.actions.get(kind, {}))}  # type: ignore[call-overload]


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another, key by key; None removes a key."""
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        is_time = isinstance(old, dict) and set(old) <= UNITS
        if isinstance(old, dict) and isinstance(value, dict) and not is_time:
            merged[key] = _merged(old, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged
