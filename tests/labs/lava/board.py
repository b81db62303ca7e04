#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Simulates a board for LAVA: shows a boot loader's prompt, then becomes QEMU.

    board.py u-boot|grub|dead TFTP_FOLDER

It is a device's `connection_command`. It implements the commands of U-Boot and GRUB
that LAVA sends, remembers the files that they load over TFTP, and boots these. A dead
board never prints anything.
"""

import os
import re
import shlex
import signal
import sys
import termios
import tty
from pathlib import Path

BANNERS = {
    "u-boot": "\nU-Boot 2023.01\n\nHit any key to stop autoboot:  3 ",
    "grub": "\nGNU GRUB  version 2.06\n\nThe highlighted entry will be executed"
    " automatically in 5s.\nPress enter to boot the selected OS, `e' to edit the"
    " commands before booting or `c' for a command-line. \n",
}
PROMPTS = {"u-boot": "=> ", "grub": "grub> "}
UIMAGE_MAGIC = b"\x27\x05\x19\x56"
UIMAGE_HEADER = 64
QEMU = "qemu-system-x86_64 -nographic -no-reboot -m 256 -monitor none -net none"


class Board:
    """A boot loader's variables and loaded files."""

    def __init__(self, tftp: Path) -> None:
        self.tftp = tftp
        self.variables: dict[str, str] = {}
        self.files: dict[str, Path] = {}
        """By the address that they were loaded to, or `kernel` and `ramdisk`."""

    def run(self, line: str) -> str:
        """Run a command; return its output."""
        command, _, rest = line.strip().partition(" ")
        if command == "setenv":
            name, _, value = rest.strip().partition(" ")
            self.variables[name] = value.strip().strip("'\"")
        elif command in ("tftp", "tftpboot"):
            address, path = self._expanded(rest).split()
            return self._load(address, path)
        elif command == "linux":
            path, _, arguments = rest.strip().partition(" ")
            self.variables["bootargs"] = arguments
            return self._load("kernel", path)
        elif command == "initrd":
            return self._load("ramdisk", rest.strip())
        elif command in ("bootz", "booti", "bootm"):
            addresses = [
                word.partition(":")[0] for word in self._expanded(rest).split()
            ]
            self._boot(*addresses[:2])
        elif command == "boot":
            self._boot("kernel", "ramdisk")
        elif command == "run":
            for part in self.variables.get(rest.strip(), "").split(";"):
                self.run(part)
        return ""

    def _expanded(self, text: str) -> str:
        known = self.variables
        return re.sub(r"\$\{?(\w+)\}?", lambda name: known.get(name[1], ""), text)

    def _load(self, where: str, path: str) -> str:
        file = self.tftp / re.sub(r"^\(tftp,[^)]*\)", "", path).lstrip("/")
        if not file.is_file():
            return "TFTP error: 'File not found' (1)\n"
        self.files[where] = file
        size = file.stat().st_size
        self.variables["filesize"] = f"{size:x}"
        return f"Loading: ####\ndone\nBytes transferred = {size} ({size:x} hex)\n"

    def _boot(self, kernel: str, ramdisk: str = "-") -> None:
        """Replace this process by a QEMU that boots the loaded files."""
        if kernel not in self.files:
            return
        command = [*shlex.split(QEMU), "-kernel", str(self.files[kernel])]
        if file := self.files.get(ramdisk):
            command += ["-initrd", str(_bare(file))]
        command += ["-append", self.variables.get("bootargs", "")]
        say("\nStarting kernel ...\n\n")
        os.execvp(command[0], command)  # noqa: S606 - no shell


def _bare(ramdisk: Path) -> Path:
    """Return a ramdisk without U-Boot's header."""
    content = ramdisk.read_bytes()
    if not content.startswith(UIMAGE_MAGIC):
        return ramdisk
    bare = ramdisk.with_suffix(".bare")
    bare.write_bytes(content[UIMAGE_HEADER:])
    return bare


def say(text: str) -> None:
    sys.stdout.write(text.replace("\n", "\r\n"))
    sys.stdout.flush()


def typed(prompt: str) -> str:
    """Show a prompt, then read and echo a line."""
    say(prompt)
    line = ""
    while (key := os.read(0, 1).decode("latin-1")) not in "\r\n\x03":
        say(key)
        line += key
    if not key:
        sys.exit()  # LAVA hung up
    say("\n")
    return "" if key == "\x03" else line


def main(loader: str, tftp: str) -> None:
    before = termios.tcgetattr(0)
    tty.setraw(0)
    if loader == "dead":
        signal.pause()
    say(BANNERS[loader])
    os.read(0, 1)
    say("\n")
    board = Board(Path(tftp))
    while True:
        line = typed(PROMPTS[loader])
        if line.strip().startswith("boot"):
            termios.tcsetattr(0, termios.TCSANOW, before)
        say(board.run(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
