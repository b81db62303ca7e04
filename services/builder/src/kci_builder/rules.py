# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is known of architectures, compilers and configurations; pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from kci_shared.models import BuildDefinition


class Arch(NamedTuple):
    """How the kernel's Makefile speaks of an architecture."""

    folder: str
    """Below `arch/`."""
    prefix: str
    """Of a cross compiler's name."""
    target: str
    """What makes the image that boots."""
    image: str
    name: str | None = None
    """What ARCH is, if it is not the folder's name."""


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
"""By the configuration's word for it."""
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "riscv64": "riscv"}
"""What a machine that builds calls itself, in the same words."""
CLANG = re.compile(r"clang(-\d+)?")
DEFCONFIG = re.compile(r"[\w.-]*config")

SET = re.compile(r"(CONFIG_\w+)=(.*)")
UNSET = re.compile(r"# (CONFIG_\w+) is not set")
ERROR = re.compile(r"(?:fatal )?error: |\bError: |undefined reference to |\*\*\* ")
NO_ROOM = re.compile(
    r"No space left on device|Disk quota exceeded|[Cc]annot allocate memory|"
    r"virtual memory exhausted|Killed signal terminated program|"
    r"fork: (?:retry: )?Resource temporarily unavailable"
)
NO_TOOL = re.compile(
    r"/bin/(?:ba)?sh: (?:line )?\d+: ((?:flex|bison|bc|perl|python3|openssl|cpio|kmod"
    r"|depmod|rsync|pahole|xz|gzip|lz4|zstd|lzop|gcc|g\+\+|ld|[\w-]+-linux-gnu\w*-\w+)"
    r"(?:-[\d.]+)?): (?:command )?not found"
)
NO_HEADER = re.compile(
    r"fatal error: ((?:libelf|gelf|openssl/\w+|zlib|ncurses|elfutils/\w+)\.h): No such"
)
MESSAGE = 500


def compiler_of(definition: BuildDefinition, machine: str) -> str:
    """Return the program that compiles for the target."""
    prefix = "" if CLANG.fullmatch(definition.compiler) else cross(definition, machine)
    return f"{prefix}{definition.compiler}"


def cross(definition: BuildDefinition, machine: str) -> str:
    """Return the prefix of the tools for the target; none when it is our own."""
    is_native = MACHINES.get(machine) == definition.arch
    return "" if is_native else ARCHES[definition.arch].prefix


def variables(
    definition: BuildDefinition, machine: str, *, ccache: bool
) -> dict[str, str]:
    """Return what make is told; the definition has the last word."""
    arch, compiler = ARCHES[definition.arch], compiler_of(definition, machine)
    host = definition.compiler if not cross(definition, machine) else "gcc"
    said = {"ARCH": arch.name or arch.folder}
    if prefix := cross(definition, machine):
        said["CROSS_COMPILE"] = prefix
    if clang := CLANG.fullmatch(definition.compiler):
        said["LLVM"] = clang[1] or "1"
        host = definition.compiler
    wrap = "ccache " if ccache else ""
    said |= {"CC": f"{wrap}{compiler}", "HOSTCC": f"{wrap}{host}"}
    return {**said, **definition.variables}


def targets(
    definition: BuildDefinition, config: dict[str, str], *, has_dts: bool
) -> list[str]:
    """Return what is made: of what is wanted all that the configuration has."""
    there = {
        "kernel": ARCHES[definition.arch].target,
        **({"modules": "modules"} if config.get("CONFIG_MODULES") == "y" else {}),
        **({"dtbs": "dtbs"} if has_dts and config.get("CONFIG_OF") == "y" else {}),
    }
    wanted = definition.targets or list(there)
    return [target for name, target in there.items() if name in wanted]


def options(lines: Iterable[str]) -> dict[str, str]:
    """Return what configuration lines ask for; `n` for what shall not be set."""
    found: dict[str, str] = {}
    for line in lines:
        if match := SET.fullmatch(line.strip()):
            found[match[1]] = match[2]
        elif match := UNSET.fullmatch(line.strip()):
            found[match[1]] = "n"
    return found


def merged(base: str, fragments: Iterable[str]) -> str:
    """Return a configuration with fragments on top: the last word on each option."""
    asked = options(line for text in fragments for line in text.splitlines())
    kept = [line for line in base.splitlines() if not options([line]).keys() & asked]
    return "\n".join([*kept, *(_line(*one) for one in asked.items()), ""])


def _line(name: str, value: str) -> str:
    return f"# {name} is not set" if value == "n" else f"{name}={value}"


def not_kept(fragments: Iterable[str], config: dict[str, str]) -> list[str]:
    """List what was asked for and is not so in the final configuration."""
    asked = options(line for text in fragments for line in text.splitlines())
    return [
        _line(name, value)
        for name, value in asked.items()
        if config.get(name, "n") != value
    ]


def builders_fault(log: str) -> str | None:
    """Say what in a log shows that this machine failed, not the kernel."""
    if match := NO_ROOM.search(log):
        return match[0]
    if match := NO_TOOL.search(log):
        return f"{match[1]} is not installed"
    if match := NO_HEADER.search(log):
        return f"{match[1]} is not installed"
    return None


def first_error(log: str) -> str | None:
    """Return the line that tells best why make failed."""
    lines = [line.strip() for line in log.splitlines() if ERROR.search(line)]
    causes = [line for line in lines if not line.startswith("make")]
    return next(iter(causes or lines), "")[:MESSAGE] or None
