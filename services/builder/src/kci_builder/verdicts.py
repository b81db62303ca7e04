# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose fault a failed command is: this machine's, or the kernel's; pure."""

import re

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


def machine_fault(log: str) -> str | None:
    """Return what this machine lacks by the log of a build; None if nothing."""
    if match := NO_ROOM.search(log):
        return match[0]
    if match := NO_TOOL.search(log) or NO_HEADER.search(log):
        return f"{match[1]} is not installed"
    return None
