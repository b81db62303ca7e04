# SPDX-License-Identifier: LGPL-2.1-or-later
"""The actions of a LAVA job: deploy, boot and test; pure.

https://docs.lavasoftware.org/lava/actions.html
"""

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from kci_lava_bridge.lab_file import Boot, Device
from kci_lava_bridge.steps import SUITE, run_steps
from kci_shared.models import Definition, TestStep
from kci_shared.rules.artifacts import sha256_in
from kci_shared.work import BadJob

COMPRESSIONS = {"gz": "gz", "xz": "xz", "bz2": "bz2", "zip": "zip", "zst": "zstd"}
"""LAVA's name of a compression by the ending of a file's name."""
DEPLOY_S = 600
TEST_MARGIN_S = 60
"""For LAVA's own work around the tests."""
ROOTFS = ("nfsrootfs", "ramdisk")
DEPLOYED = {"kernel", "ramdisk", "nfsrootfs", "modules", "dtb", "boot"}
"""Names of artifacts that LAVA can deploy."""
LAVA_NAMES = {"nfsroot": "nfsrootfs"}
"""LAVA's name of an artifact, where it is not ours."""
NOT_BOOTED = {"dtbs", "kselftest"}
"""Artifacts that the scheduler passes on from the build, and that nobody boots."""


def seconds(value: float) -> dict[str, int]:
    """Return a time limit as LAVA writes it, at least a second."""
    return {"seconds": max(1, math.ceil(value))}


def actions(device: Device, definition: Definition) -> Iterator[dict[str, Any]]:
    """Return a job's actions; raises `BadJob` for artifacts that cannot be booted."""
    artifacts = _deployable(device, definition.artifacts)
    if "kernel" not in artifacts and not _brings_boot_image(device, artifacts):
        raise BadJob("data.definition.artifacts: add a kernel")
    match device.boot:
        case Boot.QEMU:
            deploys = [_tmpfs(device, artifacts, has_tests=bool(definition.tests))]
        case Boot.FASTBOOT:
            deploys = _fastboot(device, artifacts)
        case Boot.U_BOOT | Boot.GRUB | Boot.IPXE | Boot.DEPTHCHARGE:
            deploys = [_tftp(device, artifacts)]
    for deploy in deploys:
        limit = min(DEPLOY_S, definition.timeout)
        yield {"deploy": {"timeout": seconds(limit), **deploy}}
    yield {"boot": _boot(device, definition, has_nfs="nfsrootfs" in artifacts)}
    if definition.tests:
        yield {"test": _test(definition.tests, definition.timeout)}


def _deployable(device: Device, artifacts: dict[str, str]) -> dict[str, str]:
    """Return what LAVA is to deploy, by LAVA's names.

    A job has all images of its build, whether the device needs them or not.
    """
    modules = {"modules"} if device.boot is Boot.QEMU else set()
    left_out = NOT_BOOTED | modules
    named = {
        LAVA_NAMES.get(name, name): url
        for name, url in artifacts.items()
        if name not in left_out
    }
    if unknown := ", ".join(sorted(set(named) - DEPLOYED)):
        raise BadJob(f"data.definition.artifacts: LAVA cannot use {unknown}: remove it")
    return named


def _brings_boot_image(device: Device, artifacts: dict[str, str]) -> bool:
    return device.boot is Boot.FASTBOOT and "boot" in artifacts


def _file(url: str) -> dict[str, Any]:
    """Return a file to download, with its hash if its URL contains it."""
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
    """Deploy files for QEMU; tests, if any, are added to the ramdisk."""
    if left := sorted(set(artifacts) - {"kernel", "ramdisk"}):
        raise BadJob(f"data.definition.artifacts: QEMU cannot use {left[0]}: remove it")
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
        raise BadJob("data.definition.artifacts: add a ramdisk or an nfsroot")
    if "boot" in artifacts:
        raise BadJob("data.definition.artifacts: boot is for fastboot only: remove it")
    files = {name: _file(url) for name, url in artifacts.items()}
    files["kernel"]["type"] = device.kernel_type
    return {"to": "tftp", "os": "oe", **files}


def _fastboot(device: Device, artifacts: dict[str, str]) -> list[dict[str, Any]]:
    """Flash the job's boot image, or one that the lab builds from the job's files."""
    assert device.docker is not None
    docker = {"image": device.docker.image}
    flash = {"to": "fastboot", "docker": docker, "os": "oe"}
    if "boot" in artifacts:
        return [{**flash, "images": {"boot": _file(artifacts["boot"])}}]
    if not device.docker.steps:
        raise BadJob("data.definition.artifacts: add a boot image for fastboot")
    build = {
        "to": "downloads",
        "images": {name: _file(url) for name, url in artifacts.items()},
        "postprocess": {"docker": {**docker, "steps": list(device.docker.steps)}},
    }
    return [build, {**flash, "images": {"boot": {"url": "downloads://boot.img"}}}]


def _boot(device: Device, definition: Definition, *, has_nfs: bool) -> dict[str, Any]:
    boot: dict[str, Any] = {
        "method": device.boot.value,
        "timeout": seconds(min(device.boot_timeout, definition.timeout)),
        "prompts": list(device.prompts),
    }
    match device.boot:
        case Boot.QEMU:
            boot["media"] = "tmpfs"
        case Boot.FASTBOOT:
            assert device.docker is not None
            boot["docker"] = {"image": device.docker.image}
        case Boot.U_BOOT | Boot.GRUB | Boot.IPXE | Boot.DEPTHCHARGE:
            boot["commands"] = "nfs" if has_nfs else "ramdisk"
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
    test = {
        "from": "inline",
        "name": SUITE,
        "path": f"inline/{SUITE}.yaml",
        "repository": {"metadata": about, "run": {"steps": run_steps(steps)}},
    }
    needed = sum(step.timeout for step in steps) + TEST_MARGIN_S
    return {"timeout": seconds(min(needed, limit)), "definitions": [test]}
