# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of QEMU; pure."""

from pathlib import Path

from kci_local_bridge.settings import Settings

BOOT_ARGUMENTS = "console=ttyS0,115200 panic=-1"


def qemu_command(
    settings: Settings, name: str, images: dict[str, Path], pid_file: Path
) -> list[str]:
    """Return QEMU's command line, with the serial line on stdin and stdout.

    Due to `-no-reboot` and `panic=-1` a kernel that dies ends the process.
    """
    command = [settings.qemu, "-name", name, "-pidfile", str(pid_file)]
    command += ["-machine", "pc", "-m", f"{settings.memory}M", "-nodefaults"]
    command += ["-display", "none", "-monitor", "none", "-serial", "stdio"]
    command += ["-no-reboot", "-append", BOOT_ARGUMENTS]
    command += ["-kernel", str(images["kernel"])]
    if "ramdisk" in images:
        command += ["-initrd", str(images["ramdisk"])]
    return command


def processor(*, kvm: bool) -> list[str]:
    """Return QEMU's arguments for the processor: the host's, or an emulated one."""
    return ["-enable-kvm", "-cpu", "host"] if kvm else ["-cpu", "qemu64"]
