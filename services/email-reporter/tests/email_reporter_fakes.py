# SPDX-License-Identifier: LGPL-2.1-or-later
"""A revision with failures as nodes, an API and a storage, settings, a letterhead."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from kci_email_reporter.mail import Letterhead
from kci_email_reporter.settings import Settings
from kci_fakes.api import FakeApi
from kci_shared.models import (
    NODE,
    Checkout,
    Event,
    Job,
    Kbuild,
    Kind,
    Node,
    NodeChange,
    Op,
    Process,
    Regression,
    State,
)

N = TypeVar("N", bound=Node)
Fields = dict[str, Any]

WHEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REGRESSION_ID = "9f01c3aa77d0e412"
URL = "https://git.kernel.example/linux.git"
BAD = {
    "tree": "mainline",
    "branch": "master",
    "url": URL,
    "describe": "v7.1-rc1-27-g11aa22bb33cc",
    "commit": "11aa22bb33cc" + "4" * 28,
}
GOOD = {**BAD, "describe": "v7.1-rc1", "commit": "99aa88bb77cc" + "6" * 28}
BUILT = {"arch": "x86_64", "config_full": "defconfig", "compiler": "gcc-14"}
RUN = {**BUILT, "platform": "qemu-x86", "runtime": "lab-demo"}
BUILD = "checkout build/gcc-14/x86_64/defconfig"
BOOT = f"{BUILD} boot"
PANIC = {
    "kind": "panic",
    "severity": "fault",
    "headline": "Kernel panic - not syncing: VFS: Unable to mount root fs",
    "line": 321,
    "excerpt": [
        "[    1.500000] Kernel panic - not syncing: VFS: Unable to mount root fs",
        "[    1.500010] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 7.1.0 #1",
        "[    1.500020] Call Trace:",
        "[    1.500030]  panic+0x1/0x2",
    ],
    "signature": "panic:1",
}
CONSOLE = {"log": "https://s.example/l/console.log"}
BUILD_ARTIFACTS = {
    "kernel": "https://s.example/k/bzImage",
    "_config": "https://s.example/c/config",
    "build_log": "https://s.example/b/build.log",
}
HEAD = Letterhead(
    name="KernelCI bot",
    address="bot@ci.example.org",
    recipients=("results@ci.example.org",),
    domain="ci.example.org",
    node_url="https://ci.example.org/viewer?node_id=",
)


def make_node(node_id: str, kind: str, path: str, **fields: object) -> Node:
    """Return a node that is done; the last part of its path is its name."""
    parts = path.split(" ")
    defaults: Fields = {
        "id": node_id,
        "kind": kind,
        "name": parts[-1],
        "path": parts,
        "state": "done",
        "created": WHEN,
        "updated": WHEN,
        "owner": "tester",
        "treeid": "c2",
    }
    return NODE.validate_python({**defaults, **fields})


class Tree:
    """A revision: a boot panics on one board, and a test fails on the other.

    `c2` is the checkout and `k2` the build; `b2` boots with a panic, `b3` boots; `s2`
    runs tests, of which `t1` passes; `t3` fails below `t2`.
    """

    def __init__(self) -> None:
        smoke = {"definition": {"tests": [{"id": "smoke", "run": "./smoke"}]}}
        board = {**RUN, "platform": "board-1"}
        nodes = [
            make_node(
                "c2",
                "checkout",
                "checkout",
                result="pass",
                data={"kernel_revision": BAD},
            ),
            make_node(
                "k2",
                "kbuild",
                BUILD,
                parent="c2",
                result="pass",
                artifacts=BUILD_ARTIFACTS,
                data={"kernel_revision": BAD, **BUILT, "findings": []},
            ),
            _run(
                "b2",
                "job",
                BOOT,
                parent="k2",
                result="fail",
                artifacts=CONSOLE,
                data={**board, "findings": [PANIC], "definition": {"tests": []}},
            ),
            _run("b3", "job", BOOT, parent="k2", result="pass"),
            _run(
                "s2",
                "job",
                f"{BOOT} smoke",
                parent="b3",
                result="fail",
                artifacts=CONSOLE,
                data={**smoke, "findings": []},
            ),
            _run("t1", "test", f"{BOOT} smoke uname", parent="s2", result="pass"),
            _run("t2", "test", f"{BOOT} smoke smoke", parent="s2", result="fail"),
            _run(
                "t3",
                "test",
                f"{BOOT} smoke smoke proc-mounted",
                parent="t2",
                result="fail",
                data={"error_msg": "/proc is not mounted"},
            ),
        ]
        self.by_id = {node.id: node for node in nodes}

    def __getitem__(self, node_id: str) -> Node:
        return self.by_id[node_id]

    @property
    def nodes(self) -> list[Node]:
        return list(self.by_id.values())

    @property
    def checkout(self) -> Checkout:
        return self._of("c2", Checkout)

    @property
    def build(self) -> Kbuild:
        return self._of("k2", Kbuild)

    @property
    def panic(self) -> Job:
        """The boot that panics."""
        return self._of("b2", Job)

    @property
    def smoke(self) -> Job:
        return self._of("s2", Job)

    def _of(self, node_id: str, kind: type[N]) -> N:
        node = self.by_id[node_id]
        assert isinstance(node, kind)
        return node

    def put(self, *nodes: Node) -> None:
        """Add nodes, or replace them."""
        self.by_id.update({node.id: node for node in nodes})

    def lineage(self, *node_ids: str) -> list[Node]:
        return [self.by_id[node_id] for node_id in node_ids]


def _run(
    node_id: str, kind: str, path: str, data: Fields | None = None, **fields: object
) -> Node:
    full = {"kernel_revision": BAD, **RUN, **(data or {})}
    return make_node(node_id, kind, path, data=full, **fields)


def make_regression(failed: Node) -> tuple[Regression, Node]:
    """Return the regression of a failed node, and the node that passed before."""
    path = " ".join(failed.path)
    passed = make_node(
        "p1",
        failed.kind,
        path,
        treeid="c1",
        result="pass",
        created=WHEN.replace(day=21),
        data={"kernel_revision": GOOD},
    )
    data = {
        "fail_node": failed.id,
        "pass_node": passed.id,
        "failed_kernel_revision": BAD,
        "passed_kernel_revision": GOOD,
    }
    regression = make_node(
        REGRESSION_ID, Kind.REGRESSION, path, result="fail", data=data
    )
    assert isinstance(regression, Regression)
    return regression, passed


class MemoryStorage:
    """Stores artifacts in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def put(self, name: str, content: bytes) -> str:
        url = f"https://s.example/{len(self.files)}/{name}"
        self.files[url] = content
        return url


class World:
    """The failing revision with the regression of its boot, and mails about them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.api = FakeApi()
        self.storage = MemoryStorage()
        self.regression, self.passed = make_regression(tree.panic)
        self.api.put(*tree.nodes, self.regression, self.passed)

    @property
    def mail_nodes(self) -> list[Process]:
        return [node for node in self.api.nodes.values() if isinstance(node, Process)]

    @property
    def mails(self) -> list[str]:
        urls = [node.artifacts["mail"] for node in self.mail_nodes]
        return [self.storage.files[url].decode() for url in urls]


def event_of(node: Node) -> Event:
    change = NodeChange(
        op=Op.UPDATED,
        id=node.id,
        kind=Kind(node.kind),
        name=node.name,
        state=State(node.state),
        result=node.result,
    )
    return Event(id=f"{node.id}-{node.version}", time=WHEN, data=change)


def make_settings(**changed: object) -> Settings:
    defaults: Fields = {
        "api_url": "http://api.example",
        "storage_url": "http://s.example",
        "token": "t",
        "mail_from": "KernelCI bot <bot@ci.example.org>",
        "mail_to": ["results@ci.example.org", "list@lists.example"],
        "mail_domain": "ci.example.org",
        "mail_mode": "live",
        "mail_settle": 5,
    }
    return Settings.model_validate({**defaults, **changed})


def extra(node: Node, *names: str) -> Iterable[object]:
    """Return fields of a node's data that its model does not declare."""
    fields = node.data.model_extra or {}
    return [fields.get(name) for name in names]
