# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of artifacts that services share, and their URLs; pure."""

import re
from urllib.parse import urlsplit

from kci_shared.models import Node

TARBALL = "tarball"
"""Of a checkout: the sources that kernels are built from."""
KERNEL = "kernel"
"""Of a build: the image that boots."""
CONFIG = "_config"
"""Of a build: the kernel configuration it was built with."""
CONFIGS = (CONFIG, "config", "kernel_config")
"""The names that builders have for it, ours first."""
LOG = "log"
"""Of a job: its console."""
BUILD_LOG = "build_log"
"""Of a build: what make printed."""
LOGS = (LOG, BUILD_LOG)
KCIDB = "kcidb"
"""Of what was submitted to KCIDB: where KCIDB says what became of it."""
KCIDB_FIXED = "kcidb_fixed"
"""Of a regression: the same of its fix, which is a submission of its own."""
IMAGES = (KERNEL, "ramdisk", "nfsroot", "modules", "dtb", "dtbs", "kselftest")
"""Of a build: what a device boots, or a test takes from it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def log_url(node: Node) -> str | None:
    """Return the URL of a node's log: a job's console, or what a build printed."""
    return next(
        (node.artifacts[name] for name in LOGS if node.artifacts.get(name)), None
    )


def sha256_in(url: str) -> str | None:
    """Return the hash of an artifact in our storage, whose URL ends in hash/name."""
    parts = urlsplit(url).path.split("/")
    digest = parts[-2] if len(parts) > 1 else ""
    return digest if _SHA256.fullmatch(digest) else None
