# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is said to a machine and read from it; pure."""

import re
from pathlib import Path

from kci_local_bridge.settings import Settings
from kci_shared.lab import NoDevice
from kci_shared.lab.console import judge
from kci_shared.models import Definition, ErrorCode, Result, TestStep
from kci_shared.work import BadJob, TestOutcome

LOGIN = re.compile(r"\blogin: ")
PROMPT = re.compile(r"[#$] (\x1b\[6n)?\Z")
SET_UP = "dmesg -n 1; PS1= PS2=; stty -echo"
"""Nothing but the tests' own output shall be on the console."""

BOOT_ARGUMENTS = "console=ttyS0,115200 panic=-1"
BOOTED = {"kernel", "ramdisk"}
UNUSED = {"modules", "dtbs", "kselftest"}
"""What builds leave and the machine can do without."""
LONGEST_LINE = 65536

_TYPABLE = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*")


def take_lines(text: str) -> tuple[list[str], str]:
    """Split off the lines that are whole, each with a newline; return the rest, too.

    Empty lines are dropped: a line may end in one, two or three characters, and the
    text may be cut between them.
    """
    *whole, rest = re.split(r"[\r\n]+", text)
    if len(rest) > LONGEST_LINE:
        whole, rest = [*whole, rest], ""
    return [f"{line}\n" for line in whole if line], rest


def qemu_command(
    settings: Settings, name: str, images: dict[str, Path], pid_file: Path
) -> list[str]:
    """Return the command that is a machine, with its serial line on stdin and stdout.

    With no reboot, and `panic=-1`, a kernel that dies ends the process.
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
    """Return QEMU's arguments for a processor: the host's own, or an emulated one."""
    return ["-enable-kvm", "-cpu", "host"] if kvm else ["-cpu", "qemu64"]


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
    """Return what to type so that a command's end shows as `mark` and its status.

    What is typed may be echoed, so it must not hold the mark itself.
    """
    return f"{command}; echo {mark[:3]}''{mark[3:]} $?\n"


def apart(command: str) -> str:
    """Return a command that can neither read what is typed nor leave the shell."""
    return f"(\n{command}\n) </dev/null"


def end_of(mark: str) -> re.Pattern[str]:
    """Return what a command's end looks like: the rest of its output, its status."""
    return re.compile(rf"(.*){mark} (\d+)\n")


def failed(test: str, reason: str, lines: list[str]) -> list[TestOutcome]:
    """Tell of a test that did not end, with what it had said until then."""
    _, *parts = judge(test, 1, lines)
    return [TestOutcome((test,), Result.FAIL, reason, ErrorCode.TEST), *parts]


def not_run(steps: list[TestStep], reason: str) -> list[TestOutcome]:
    """Tell of tests that never began: they were not skipped, nobody can say."""
    return [TestOutcome((step.id,), Result.INCOMPLETE, reason) for step in steps]
