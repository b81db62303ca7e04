# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes LAVA's files in /etc: its settings and its devices."""

import json
import shutil
from pathlib import Path

HERE = Path(__file__).parent
SETTINGS = Path("/etc/lava-server/settings.d/99-kci-test.yaml")
TEMPLATES = Path("/etc/lava-server/dispatcher-config")
DISPATCHER = Path("/etc/lava-server/dispatcher.d")
TFTP = Path("/srv/tftp")
OWNER = "lavaserver"
WORKER = "kci-worker"

DEVICES = {
    "qemu-01": "kci-qemu",
    "qemu-02": "kci-qemu",
    "uboot-01": "kci-uboot",
    "grub-01": "kci-grub",
    "dead-01": "kci-dead",
}
LOADERS = {"uboot-01": "u-boot", "grub-01": "grub", "dead-01": "dead"}
"""The boot loader that board.py simulates for a device."""
COMMANDS = ("hard_reset", "power_on", "power_off")


def write_settings(database: dict[str, object], *, inside: str, outside: str) -> None:
    """Write the settings of the database, and of the sockets for events."""
    settings = {
        "DATABASES": {"default": database},
        "ALLOWED_HOSTS": ["*"],
        "EVENT_NOTIFICATION": True,
        "INTERNAL_EVENT_SOCKET": inside,
        "EVENT_SOCKET": outside,
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
    }
    _write(SETTINGS, json.dumps(settings))  # which is YAML, too


def write_devices(board: Path) -> None:
    """Write the devices' templates; `board` simulates those with a boot loader."""
    shutil.copyfile(HERE / "board.py", board)
    board.chmod(0o755)
    TFTP.mkdir(exist_ok=True)
    _write(DISPATCHER / WORKER / "dispatcher.yaml", "dispatcher_ip: 127.0.0.1\n")
    for template in (HERE / "types").iterdir():
        _write(TEMPLATES / "device-types" / template.name, template.read_text())
    for name, kind in DEVICES.items():
        lines = f"{{% extends '{kind}.jinja2' %}}\n"
        if loader := LOADERS.get(name):
            lines += f"{{% set connection_command = '{board} {loader} {TFTP}' %}}\n"
            for what in COMMANDS:
                lines += f"{{% set {what}_command = '/bin/true' %}}\n"
        _write(TEMPLATES / "devices" / f"{name}.jinja2", lines)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    for path in (file, file.parent):
        shutil.chown(path, OWNER, OWNER)
