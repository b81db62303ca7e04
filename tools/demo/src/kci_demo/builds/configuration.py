# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration of a tree that is built and booted on this machine."""

from pathlib import Path

QEMU = """\
CONFIG_64BIT=y
CONFIG_PRINTK=y
CONFIG_BUG=y
CONFIG_TTY=y
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_RD_GZIP=y
CONFIG_BINFMT_ELF=y
CONFIG_BINFMT_SCRIPT=y
CONFIG_MULTIUSER=y
CONFIG_FUTEX=y
CONFIG_POSIX_TIMERS=y
CONFIG_PROC_FS=y
CONFIG_SYSFS=y
CONFIG_SHMEM=y
CONFIG_TMPFS=y
CONFIG_DEVTMPFS=y
"""
"""What `tinyconfig` lacks to run a shell on QEMU's serial line."""
STANDIN = "CONFIG_SERIAL=y\n"

YAML = """\
trees:
  mine:
    url: {url}
    branches: {{{branch}: {{}}}}
fragments:
  qemu: |
    {fragment}
builds:
  tiny:
    compiler: [gcc]
    arch: {{x86_64: tinyconfig}}
    fragments: [qemu]
    timeout: 1h
    retry: {{infra: 2}}
rootfs:
  busybox: {{ramdisk: '{ramdisk}'}}
tests:
  boot:
    needs: build/tiny
    rootfs: busybox
    timeout: 5m
    retry: {{infra: 2}}
    steps:
      - {{id: hello, run: 'echo "Hello from $(uname -r)"'}}
platforms:
  qemu-x86_64: {{arch: x86_64}}
labs:
  lab-local: {{type: local, platforms: [qemu-x86_64]}}
"""
BUILD = "build/gcc/x86_64/tinyconfig+qemu"


def write(folder: Path, url: str, branch: str, fragment: str, ramdisk: str) -> None:
    """Write the configuration as one file."""
    indented = fragment.strip().replace("\n", "\n    ")
    text = YAML.format(url=url, branch=branch, fragment=indented, ramdisk=ramdisk)
    (folder / "all.yaml").write_text(text)
