# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of lines that show how far a board came, and when it is reset."""

from kci_log_parser.forms import Topic, forms

BOOT_LINES = forms(
    Topic.BOOT,
    {
        "restart": [
            r"reboot: (?:Restarting|Power down|System halted|machine restart)",
            r"(?:Requesting system|going down for) (?:reboot|poweroff|system halt)",
            r"The system (?:is going down|will reboot)",
            r"systemd-shutdown\[1\]",
            r"sysrq: (?:Resetting|Power Off)",
            r"kexec_core: Starting new kernel",
            r"Rebooting (?:in \d+ seconds|\.\.\.)",
            r"Restarting system\.",
            r"reset-device|pdu-reboot|hard_reset",  # what a lab does
        ],
        "bootloader": [
            r"\bU-Boot (?:SPL |TPL )?20\d\d\.",
            r"\bbarebox 20\d\d\.",
            r"\bSeaBIOS \(version",
            r"\bOpenSBI v\d",
            r"NOTICE:  BL\d",
            r"\bcoreboot-\S{1,80} .{0,60}(?:bootblock|romstage|ramstage)",
            r"GNU GRUB  version",
            r"\biPXE \d",
            r"\b(?:SYS|PXE|EXT|ISO)LINUX \d",
            r"UEFI firmware \(version",
            r"BdsDxe: ",
            r"Starting depthcharge",
            r"Hit any key to stop autoboot",
        ],
        "handover": [
            r"Starting kernel \.\.\.",
            r"EFI stub: ",
            r"[Jj]umping to kernel",
            r"Booting from ROM\.\.",
            r"Booting the kernel\b",
            r"(?:Decompressing|Uncompressing) Linux\.\.\.",
            r"## Transferring control to Linux",
        ],
        "kernel": [r"Linux version \d+\.", r"Booting Linux on physical CPU"],
    },
)
PHASE_LINES = forms(
    Topic.PHASE,
    {
        "init": [
            r"Run /\S+ as init process",
            r"Freeing unused kernel (?:image|memory)",
            r"systemd\[1\]: systemd \d",
            r"INIT: version \d",
        ],
        "login": [
            r"\blogin:[ \r\n]",
            r"root@[\w.-]{1,40}:[\w/~.-]{1,40}# ",
            r"[/~] # ",
            r"\b(?:ba)?sh-\d\.\d+# ",
            r"job control turned off",
        ],
    },
)
