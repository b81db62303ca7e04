# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs programs as the system users of their Debian packages."""

import subprocess
from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""LAVA needs the system's Python, not ours."""


class NoLava(Exception):
    """LAVA cannot be run here; the message says what to do."""


def run_as(user: str, *command: str | Path, **env: str) -> None:
    """Run a command; raises `NoLava` with its output if it fails."""
    done = subprocess.run(
        ["runuser", "-u", user, "--", *command],
        cwd="/",
        env={**ENVIRONMENT, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise NoLava(f"{command[0]} {command[1]} failed:\n{done.stdout[-2000:]}")
