# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of all other lines that tell something: of builds, boots and tests."""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """Who reads the line."""

    BUILD = "build"
    BOOT = "boot"
    TEST = "test"
    PHASE = "phase"
    """A phase of a boot: looked for until it is there; consoles are full of prompts."""


@dataclass(frozen=True)
class Sign:
    """One form of line; who reads it looks closer."""

    topic: Topic
    name: str
    pattern: str
    """In what Hyperscan and Python's `re` have in common."""


def _signs(topic: Topic, table: dict[str, list[str]]) -> list[Sign]:
    return [
        Sign(topic, name, pattern)
        for name, patterns in table.items()
        for pattern in patterns
    ]


BUILD = {
    "error": [
        r":\d+:(?: |\x1b\[[\d;]*[mK])*(?:fatal |internal compiler )?[Ee]rror: ",
    ],
    "warning": [
        r":\d+:(?: |\x1b\[[\d;]*[mK])*[Ww]arning: ",
        r"warning: objtool: ",
        r"WARNING: modpost: ",
        r"Section mismatch in reference",
    ],
    "rust-error": [r"(?m:^)error(?:\[E\d+\])?: "],
    "tree-error": [r"(?m:^)Error: \S+:\d+\.\d+", r": ERROR \([a-z_]+\): "],
    "linker": [
        r"undefined reference to ",
        r"multiple definition of ",
        r"relocation truncated to fit",
        r"\bld(?:\.(?:bfd|gold|lld))?: (?:error|fatal|cannot|unrecogni|unknown|reloc)",
        r"\bld(?:\.(?:bfd|gold|lld))?: (?:failed|BFD|internal|section|region|final)",
    ],
    "modpost": [
        r"(?:ERROR|FATAL): modpost: ",
        r"ERROR: \"?[\w.]+\"? \[\S+\] undefined!",
    ],
    "driver": [
        r"\b(?:clang|gcc|g\+\+|cc1|cc1plus|as|rustc|bindgen|objtool)(?:-\d+)?"
        r": (?:fatal )?error: ",
    ],
    "make": [r"\bmake(?:\[\d+\])?: \*\*\* ", r":\d+: \*\*\* "],
    "function": [r": In (?:member )?function "],
    "suspect": [
        r"(?m:^)\*\*\* \S",
        r"\bmake(?:\[\d+\])?: \S+: (?:No such|Command not|Permission)",
        r": (?:command )?not found",
        r"(?m:^)FAILED:? ",
        r"Traceback \(most recent call last\)",
        r"No space left on device",
        r"Kconfig[\w.]*:\d+: ",
        r"\b[Ss]egmentation fault",
        r"(?m:^)(?:Error|ERROR|FATAL ERROR|fatal): ",
    ],
}
BOOT = {
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
}
TEST = {
    "ktap": [
        r"(?:not )?ok (?:\d|- )",
        r"(?m:^)(?:not )?ok \S",
        r"\b1\.\.\d",
        r"TAP version \d",
        r"# Subtest: ",
        r"# selftests: ",
    ],
    "signal": [r"<LAVA_SIGNAL_"],
    "ltp": [r"\bT(?:PASS|FAIL|BROK|CONF|WARN) {0,3}: ", r"(?m:^)tag=\S+ stime="],
}
PHASE = {
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
}
SIGNS = [
    *_signs(Topic.BUILD, BUILD),
    *_signs(Topic.BOOT, BOOT),
    *_signs(Topic.TEST, TEST),
    *_signs(Topic.PHASE, PHASE),
]
