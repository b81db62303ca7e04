# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs LAVA's Debian packages."""

import os
import subprocess
from pathlib import Path

PACKAGES = [
    "lava-server",
    "lava-dispatcher",
    "lava-coordinator",
    "postgresql-15",
    "tftpd-hpa",
    "u-boot-tools",
]


def install() -> None:
    """Install the packages, without starting their daemons."""
    if packages := missing():
        policy = Path("/usr/sbin/policy-rc.d")
        is_ours = not policy.exists()
        if is_ours:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        try:
            subprocess.run(["apt-get", "update", "-q"], check=True)
            subprocess.run([*command, *packages], check=True, env=env)
        finally:
            if is_ours:
                policy.unlink()


def missing() -> list[str]:
    """Return the packages that are not installed."""
    ask = ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *PACKAGES]
    status = subprocess.run(ask, capture_output=True, text=True).stdout
    return [name for name in PACKAGES if f"{name} install ok installed" not in status]
