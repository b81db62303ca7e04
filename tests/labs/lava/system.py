# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of the system's own, run as the users that Debian made for them."""

import subprocess
from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""LAVA is for the system's own Python."""


class NoLava(Exception):
    """LAVA cannot be run here; the message says what to do."""


def run_as(user: str, *command: str | Path, **env: str) -> None:
    """Run a command to its end; `NoLava` tells what it said if it failed."""
    done = subprocess.run(
        ["runuser", "-u", user, "--", *command],
        cwd="/", env={**ENVIRONMENT, **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        raise NoLava(f"{command[0]} {command[1]} failed:\n{done.stdout[-2000:]}")
