# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far a board booted, according to its log."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """How far a boot came; in the order in which phases follow each other."""

    SILENT = "silent"
    """Nothing was printed at all."""
    UNKNOWN = "unknown"
    """The log shows no boot."""
    BOOTLOADER = "bootloader"
    """Firmware or a boot loader printed something, but started no kernel."""
    HANDOVER = "handover"
    """A boot loader started a kernel, which printed nothing."""
    KERNEL = "kernel"
    INIT = "init"
    LOGIN = "login"


PHASES = list(Phase)


@dataclass(slots=True)
class Boot:
    """What a log shows of a boot: of the last one, if there were several."""

    phase: Phase = Phase.SILENT
    bootloader: int | None = None
    """The lines, from 1, on which the phases began."""
    handover: int | None = None
    kernel: int | None = None
    init: int | None = None
    login: int | None = None
    boots: int = 0
    """How many kernels were started."""
