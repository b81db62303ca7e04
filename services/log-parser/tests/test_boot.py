# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_log_parser.boot import Boot, Phase
from kci_log_parser.scanner import LogScanner

FIRMWARE = "U-Boot SPL 2024.01\nU-Boot 2024.01 (Jan 01 2024)\nDRAM: 1 GiB\n"
HANDOVER = "Starting kernel ...\n"
LOGIN = "Debian GNU/Linux 12 board ttyS0\n\nboard login: \n"


def kernel(seed: int = 1) -> str:
    lines = "".join(
        f"[    0.{n * seed:06d}] subsystem {n} starts\n" for n in range(1, 40)
    )
    return (
        "[    0.000000] Booting Linux on physical CPU 0x0\n"
        f"[    0.000000] Linux version 6.1.0 (gcc)\n{lines}"
    )


INIT = "[    2.000000] Run /init as init process\n"
WHOLE = FIRMWARE + HANDOVER + kernel() + INIT + LOGIN


def read(log: str) -> tuple[Boot, list[str]]:
    scanner = LogScanner()
    scanner.feed(log.encode())
    kinds = [found.kind for found in scanner.finish()]
    return scanner.boot, kinds


@pytest.mark.parametrize(
    ("log", "phase"),
    [
        ("", Phase.SILENT),
        ("hello\n", Phase.UNKNOWN),
        (FIRMWARE, Phase.BOOTLOADER),
        (FIRMWARE + HANDOVER, Phase.HANDOVER),
        ("EFI stub: Booting Linux Kernel...\n", Phase.HANDOVER),
        (FIRMWARE + HANDOVER + kernel(), Phase.KERNEL),
        ("[    0.000000] Linux version 6.1\n", Phase.KERNEL),
        ("[   12.345678] usb 1-1: new device\n", Phase.KERNEL),
        (FIRMWARE + HANDOVER + kernel() + INIT, Phase.INIT),
        (WHOLE, Phase.LOGIN),
        (kernel() + INIT + "/ # ls\n", Phase.LOGIN),
        (kernel() + INIT + "root@board:~# ls\n", Phase.LOGIN),
    ],
)
def test_a_log_tells_how_far_a_board_came(log: str, phase: Phase) -> None:
    boot, kinds = read(log)
    assert (boot.phase, kinds) == (phase, [])


def test_each_phase_has_its_line() -> None:
    boot, _ = read(WHOLE)
    assert (boot.bootloader, boot.handover, boot.kernel) == (1, 4, 5)
    assert (boot.init, boot.login, boot.boots) == (46, 49, 1)


def test_a_boot_loader_after_a_kernel_is_a_reset_that_nobody_asked_for() -> None:
    boot, kinds = read(WHOLE + FIRMWARE + HANDOVER + kernel(2))
    assert kinds == ["reboot"]
    assert (boot.phase, boot.boots, boot.login) == (Phase.KERNEL, 2, None)


def test_a_kernel_that_starts_again_is_a_reset() -> None:
    boot, kinds = read(kernel() + INIT + LOGIN + kernel(2) + INIT)
    assert kinds == ["reboot"]
    assert (boot.phase, boot.boots) == (Phase.INIT, 2)


def test_the_old_messages_shown_again_are_no_start() -> None:
    boot, kinds = read(WHOLE + "root@board:~# dmesg\n" + kernel() + INIT)
    assert kinds == []
    assert (boot.phase, boot.boots) == (Phase.LOGIN, 1)


@pytest.mark.parametrize(
    "line",
    [
        "[   99.000000] reboot: Restarting system\n",
        "[   99.000000] Kernel panic - not syncing: VFS: no root\n",
        "[   99.000000] sysrq: Resetting\n",
        "[   99.000000] traps: PANIC: double fault, error_code: 0x0\n",
    ],
)
def test_a_start_that_was_asked_for_is_none(line: str) -> None:
    boot, kinds = read(WHOLE + line + FIRMWARE + HANDOVER + kernel(2))
    assert "reboot" not in kinds
    assert boot.boots == 2


def test_a_kernel_that_quotes_a_boot_loader_was_not_reset() -> None:
    quoted = "[   56.037524][ T5250] fuseblk: parameter 'Decompressing Linux... '\n"
    assert read(WHOLE + quoted)[1] == []


def test_a_program_that_tells_the_kernels_version_started_none() -> None:
    told = "root@board:~# cat /proc/version\nLinux version 6.1.0 (gcc) #1 SMP\n"
    later = "".join(f"[   99.{n:06d}] later\n" for n in range(1, 30))
    boot, kinds = read(WHOLE + told + later)
    assert (kinds, boot.boots) == ([], 1)


def test_a_prompt_before_the_first_stamp_is_nobodys_however_the_log_is_cut() -> None:
    boot, _ = read("board login: \n[   12.345678] usb 1-1: new device\n")
    assert (boot.phase, boot.login) == (Phase.KERNEL, None)
