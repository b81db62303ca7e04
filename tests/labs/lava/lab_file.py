# SPDX-License-Identifier: LGPL-2.1-or-later
"""The devices of this LAVA as a lava-bridge's lab file describes them."""

Entry = dict[str, object]

QEMU: Entry = {
    "type": "qemu-x86_64",
    "boot": "qemu",
    "arguments": "console=ttyS0,115200 panic=5",
    "context": {"arch": "x86_64"},
    "prompts": ["kci-dut:"],
}
BOARD: Entry = {
    "prompts": ["kci-dut:"],
    "arguments": "earlyprintk=ttyS0,115200",
    "boot_timeout": 90,
}
U_BOOT: Entry = {**BOARD, "boot": "u-boot", "kernel_type": "zimage"}


def devices() -> dict[str, Entry]:
    """Return an entry for each way in which a job may end here."""
    dies = f"{QEMU['arguments']} rdinit=/none"
    return {
        "qemu": {**QEMU, "tags": ["emulated"]},
        "panics": {**QEMU, "arguments": dies, "boot_timeout": 60},
        "refused": {**QEMU, "job": {"visibility": "nobody"}},
        "uboot": {**U_BOOT, "type": "kci-uboot"},
        "grub": {**BOARD, "type": "kci-grub", "boot": "grub"},
        "dead": {**U_BOOT, "type": "kci-dead"},
        "two": {**QEMU, "roles": {"client": 1, "server": 1}},
    }
