# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is typed into a machine and read from it; pure."""

import re

from kci_shared.lab import NoDevice
from kci_shared.models import Definition
from kci_shared.work import BadJob

LOGIN = re.compile(r"\blogin: ")
PROMPT = re.compile(r"[#$] (\x1b\[6n)?\Z")
SET_UP = "dmesg -n 1; PS1= PS2=; stty -echo"
"""Leaves nothing but the tests' own output on the console."""

BOOTED = {"kernel", "ramdisk"}
UNUSED = {"modules", "dtbs", "kselftest"}
"""Artifacts of builds that are ignored here."""
MAX_LINE = 65536

_TYPABLE = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*")


def take_lines(text: str) -> tuple[list[str], str]:
    """Return the complete lines, each with a newline, and the rest.

    Empty lines are dropped: a line may end in one to three characters, and the text
    may be cut between them.
    """
    *whole, rest = re.split(r"[\r\n]+", text)
    if len(rest) > MAX_LINE:
        whole, rest = [*whole, rest], ""
    return [f"{line}\n" for line in whole if line], rest


def check(definition: Definition) -> None:
    """Raise `BadJob` or `NoDevice` unless a machine here can run this."""
    if "kernel" not in definition.artifacts:
        raise BadJob("data.definition.artifacts: add a kernel")
    if unknown := sorted(set(definition.artifacts) - BOOTED - UNUSED):
        raise NoDevice(f"QEMU here boots kernel and ramdisk, not {', '.join(unknown)}")
    for step in definition.tests:
        if not _TYPABLE.fullmatch(step.run):
            raise BadJob(f"test {step.id}: `run` has control characters; remove them")


def typed(command: str, mark: str) -> str:
    """Return the text to type so that a command's end prints `mark` and its status.

    The text may be echoed, so it must not contain the mark itself.
    """
    return f"{command}; echo {mark[:3]}''{mark[3:]} $?\n"


def isolated(command: str) -> str:
    """Return a command that can neither read the console nor exit the shell."""
    return f"(\n{command}\n) </dev/null"


def end_of(mark: str) -> re.Pattern[str]:
    """Return the pattern of a command's end: the rest of its output, its status."""
    return re.compile(rf"(.*){mark} (\d+)\n")
