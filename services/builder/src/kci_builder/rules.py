# SPDX-License-Identifier: LGPL-2.1-or-later
"""Architectures, compilers, and the command line of make; pure."""

import re
from typing import NamedTuple

from kci_shared.models import BuildDefinition


class Arch(NamedTuple):
    """An architecture in the words of the kernel's Makefile."""

    folder: str
    """The folder below `arch/`."""
    prefix: str
    """The prefix of a cross compiler's name."""
    target: str
    """The target of make for the image that boots."""
    image: str
    """The path of that image."""
    name: str | None = None
    """The value of ARCH, if it is not the folder's name."""


ARCHES = {
    "x86_64": Arch(
        "x86", "x86_64-linux-gnu-", "bzImage", "arch/x86/boot/bzImage", "x86_64"
    ),
    "i386": Arch("x86", "i686-linux-gnu-", "bzImage", "arch/x86/boot/bzImage", "i386"),
    "arm64": Arch("arm64", "aarch64-linux-gnu-", "Image", "arch/arm64/boot/Image"),
    "arm": Arch("arm", "arm-linux-gnueabihf-", "zImage", "arch/arm/boot/zImage"),
    "riscv": Arch("riscv", "riscv64-linux-gnu-", "Image", "arch/riscv/boot/Image"),
    "mips": Arch("mips", "mips-linux-gnu-", "vmlinux", "vmlinux"),
    "powerpc": Arch("powerpc", "powerpc64le-linux-gnu-", "vmlinux", "vmlinux"),
    "s390": Arch("s390", "s390x-linux-gnu-", "bzImage", "arch/s390/boot/bzImage"),
    "loongarch": Arch(
        "loongarch",
        "loongarch64-linux-gnu-",
        "vmlinuz.efi",
        "arch/loongarch/boot/vmlinuz.efi",
    ),
}
"""By the names that configurations use."""
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "riscv64": "riscv"}
"""The same names by those of `uname -m`."""
CLANG = re.compile(r"clang(-\d+)?")
DEFCONFIG = re.compile(r"[\w.-]*config")


def compiler_of(definition: BuildDefinition, machine: str) -> str:
    """Return the compiler's program for the target."""
    if CLANG.fullmatch(definition.compiler):
        return definition.compiler
    return f"{cross_prefix(definition, machine)}{definition.compiler}"


def cross_prefix(definition: BuildDefinition, machine: str) -> str:
    """Return the prefix of tools for the target; "" on a machine of that kind."""
    is_native = MACHINES.get(machine) == definition.arch
    return "" if is_native else ARCHES[definition.arch].prefix


def variables(
    definition: BuildDefinition, machine: str, *, ccache: bool
) -> dict[str, str]:
    """Return the variables for make; those of the definition win."""
    arch, compiler = ARCHES[definition.arch], compiler_of(definition, machine)
    prefix = cross_prefix(definition, machine)
    host = "gcc" if prefix else definition.compiler
    values = {"ARCH": arch.name or arch.folder}
    if prefix:
        values["CROSS_COMPILE"] = prefix
    if clang := CLANG.fullmatch(definition.compiler):
        values["LLVM"] = clang[1] or "1"
        host = definition.compiler
    wrap = "ccache " if ccache else ""
    values |= {"CC": f"{wrap}{compiler}", "HOSTCC": f"{wrap}{host}"}
    return {**values, **definition.variables}


def targets(
    definition: BuildDefinition, config: dict[str, str], *, has_dts: bool
) -> list[str]:
    """Return the targets that the definition asks for and the configuration has."""
    possible = {
        "kernel": ARCHES[definition.arch].target,
        **({"modules": "modules"} if config.get("CONFIG_MODULES") == "y" else {}),
        **({"dtbs": "dtbs"} if has_dts and config.get("CONFIG_OF") == "y" else {}),
    }
    asked = definition.targets or list(possible)
    return [target for name, target in possible.items() if name in asked]
