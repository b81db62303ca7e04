# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees of nodes: a build with a job that boots, and what may become of them."""

import pytest
from kcidb_bridge_fakes import RUN, STORAGE, Tree


@pytest.fixture
def tree() -> Tree:
    """A revision that boots."""
    return Tree()


@pytest.fixture
def smoke(tree: Tree) -> Tree:
    """A revision that boots, with a job below the boot whose tests pass."""
    tree.add("job", "smoke", "boot", data=RUN)
    tree.add("test", "uname", "smoke")
    tree.add("test", "mounts", "smoke")
    tree.add("test", "proc-mounted", "mounts")
    return tree


@pytest.fixture
def panic(tree: Tree) -> Tree:
    """A revision that panics at boot."""
    headline = "Kernel panic - not syncing: VFS: Unable to mount root fs"
    finding = {
        "kind": "panic",
        "severity": "fault",
        "headline": headline,
        "line": 412,
        "excerpt": [headline, "CPU: 0 PID: 1 Comm: swapper/0", "Call Trace:"],
        "signature": "5f0c9d27a1b3",
        "url": f"{STORAGE}/cc/console.log#L412",
    }
    boot = tree["boot"]
    boot["result"] = "fail"
    error = {"error_code": "Test", "error_msg": headline}
    boot["data"] = {**RUN, **error, "device": "board-1", "findings": [finding]}
    return tree


@pytest.fixture
def no_power(tree: Tree) -> Tree:
    """A revision whose board has no power."""
    boot = tree["boot"]
    boot["result"] = "incomplete"
    error = {"error_code": "Infrastructure", "error_msg": "power: board-1 is dead"}
    boot["data"] = {**RUN, **error}
    return tree
