# SPDX-License-Identifier: LGPL-2.1-or-later
"""A revision with a build, a job that boots, and a job below it with tests."""

from typing import Any

import pytest

from kci_shared.models import NODE, Node

REVISION = {
    "tree": "mainline",
    "url": "git://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git",
    "branch": "master",
    "commit": "2a987e65025e2b79c6d453b78cb5985ac6e5eb28",
    "describe": "v6.12-rc1-7-g2a987e65025e",
    "tip_of_branch": True,
}
BUILD = {
    "arch": "x86_64",
    "compiler": "gcc-12",
    "config_full": "defconfig",
    "kernel_revision": REVISION,
}
RUN = {**BUILD, "platform": "qemu-x86", "runtime": "lab-demo", "findings": []}
STORAGE = "http://127.0.0.1:8002"


class Tree:
    """Nodes by their names, to be changed by a test before they are used."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, Any]] = {}
        self.add("checkout", "checkout", None, data={"kernel_revision": REVISION})
        self.add("kbuild", "build", "checkout", data=BUILD)
        self["build"]["artifacts"] = {
            "kernel": f"{STORAGE}/aa/bzImage",
            "_config": f"{STORAGE}/bb/_config",
        }
        self.add("job", "boot", "build", data=RUN)
        self["boot"]["artifacts"] = {"log": f"{STORAGE}/cc/console.log"}

    def add(self, kind: str, name: str, parent: str | None, **fields: Any) -> None:
        """Add a node that is done and passed."""
        above = self[parent] if parent else {"path": [], "id": None}
        number = len(self.said)
        self.said[name] = {
            "id": f"{number:024x}",
            "kind": kind,
            "name": name,
            "path": [*above["path"], name],
            "parent": above["id"],
            "state": "done",
            "result": "pass",
            "owner": "lab",
            "created": f"2026-11-22T12:00:00.{number:03}+00:00",
            "updated": "2026-11-22T12:30:00.000+00:00",
            "data": {},
            **fields,
        }

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Return what is said of a node."""
        return self.said[name]

    def node(self, name: str) -> Node:
        """Return a node."""
        return NODE.validate_python(self[name])

    def nodes(self) -> list[Node]:
        """Return all nodes."""
        return [self.node(name) for name in self.said]


@pytest.fixture
def tree() -> Tree:
    """A revision that boots."""
    return Tree()


@pytest.fixture
def smoke(tree: Tree) -> Tree:
    """A revision that boots, and whose tests pass."""
    tree.add("job", "smoke", "boot", data=RUN)
    tree.add("test", "uname", "smoke")
    tree.add("test", "mounts", "smoke")
    tree.add("test", "proc-mounted", "mounts")
    return tree


@pytest.fixture
def panic(tree: Tree) -> Tree:
    """A revision that panics at boot."""
    headline = "Kernel panic - not syncing: VFS: Unable to mount root fs"
    found = {
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
    trouble = {"error_code": "Test", "error_msg": headline}
    boot["data"] = {**RUN, **trouble, "device": "board-1", "findings": [found]}
    return tree


@pytest.fixture
def no_power(tree: Tree) -> Tree:
    """A revision whose board has no power."""
    boot = tree["boot"]
    boot["result"] = "incomplete"
    trouble = {"error_code": "Infrastructure", "error_msg": "power: board-1 is dead"}
    boot["data"] = {**RUN, **trouble}
    return tree
