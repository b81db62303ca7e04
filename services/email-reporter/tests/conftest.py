# SPDX-License-Identifier: LGPL-2.1-or-later
"""A revision that fails, one that passed, and an API that holds their nodes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kci_email_reporter.mail import Letterhead, Mail
from kci_email_reporter.settings import Settings
from kci_shared.models import (
    NODE,
    Event,
    Kind,
    NewNode,
    Node,
    NodeChange,
    Op,
    State,
)

WHEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_node(node_id: str, kind: str, path: str, **fields: Any) -> Node:
    """Make a node; the last part of its path is its name."""
    parts = path.split(" ")
    fields = {
        "id": node_id,
        "kind": kind,
        "name": parts[-1],
        "path": parts,
        "state": "done",
        "created": WHEN,
        "updated": WHEN,
        "owner": "tester",
        "treeid": "c2",
        **fields,
    }
    return NODE.validate_python(fields)


def revision(describe: str, commit: str, **fields: Any) -> dict[str, Any]:
    url = "https://git.kernel.example/linux.git"
    known = {"tree": "mainline", "branch": "master", "url": url}
    return {**known, "describe": describe, "commit": commit, **fields}


BAD = revision("v7.1-rc1-27-g11aa22bb33cc", "11aa22bb33cc" + "4" * 28)
GOOD = revision("v7.1-rc1", "99aa88bb77cc" + "6" * 28)
BUILT = {"arch": "x86_64", "config_full": "defconfig", "compiler": "gcc-14"}
RUN = {**BUILT, "platform": "qemu-x86", "runtime": "lab-demo"}
BUILD = "build/gcc-14/x86_64/defconfig"
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


def failing_tree() -> dict[str, Node]:
    """A revision whose boot panics on one board, and whose smoke test fails on one."""
    rev = {"kernel_revision": BAD}
    board = {**RUN, "platform": "board-1"}
    smoke = {"definition": {"tests": [{"id": "smoke", "run": "./smoke"}]}}
    boot2 = f"checkout {BUILD} boot"
    stored = {
        "kernel": "https://s.example/k/bzImage",
        "_config": "https://s.example/c/config",
        "build_log": "https://s.example/b/build.log",
    }
    console = {"log": "https://s.example/l/console.log"}
    nodes = [
        make_node("c2", "checkout", "checkout", result="pass", data=rev),
        make_node(
            *("k2", "kbuild", f"checkout {BUILD}"),
            parent="c2",
            result="pass",
            artifacts=stored,
            data={**rev, **BUILT, "findings": []},
        ),
        make_node(
            *("b2", "job", boot2),
            parent="k2",
            result="fail",
            artifacts=console,
            data={**rev, **board, "findings": [PANIC], "definition": {"tests": []}},
        ),
        make_node(
            *("b3", "job", boot2), parent="k2", result="pass", data={**rev, **RUN}
        ),
        make_node(
            *("s2", "job", f"{boot2} smoke"),
            parent="b3",
            result="fail",
            artifacts=console,
            data={**rev, **RUN, **smoke, "findings": []},
        ),
        make_node(
            *("t1", "test", f"{boot2} smoke uname"),
            parent="s2",
            result="pass",
            data={**rev, **RUN},
        ),
        make_node(
            *("t2", "test", f"{boot2} smoke smoke"),
            parent="s2",
            result="fail",
            data={**rev, **RUN},
        ),
        make_node(
            *("t3", "test", f"{boot2} smoke smoke proc-mounted"),
            parent="t2",
            result="fail",
            data={**rev, **RUN, "error_msg": "/proc is not mounted"},
        ),
    ]
    return {node.id: node for node in nodes}


def make_regression(failed: Node, **fields: Any) -> list[Node]:
    """Make the regression of a failed node, and the node that passed before."""
    data = {"fail_node": failed.id, "pass_node": "p1"}
    data |= {"failed_kernel_revision": BAD, "passed_kernel_revision": GOOD}
    path = " ".join(failed.path)
    passed = make_node(
        *("p1", str(failed.kind), path),
        result="pass",
        created=WHEN.replace(day=21),
        data={"kernel_revision": GOOD},
    )
    made = {"result": "fail", "data": data, **fields}
    return [make_node("9f01c3aa77d0e412", "regression", path, **made), passed]


class FakeApi:
    """Nodes in memory, and whatever bytes somebody stored."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.created: dict[str, NewNode] = {}
        self.stored: dict[str, bytes] = {}

    async def get(self, node_id: str) -> Node | None:
        return self.nodes.get(node_id)

    async def find(self, **filters: Any) -> list[Node]:
        limit = filters.pop("limit", None)
        found = [n for n in self.nodes.values() if _matches(n, filters)]
        return found[:limit]

    async def create(self, node: NewNode) -> Node:
        assert node.idempotency_key
        self.created.setdefault(node.idempotency_key, node)
        node_id = f"mail-{list(self.created).index(node.idempotency_key)}"
        made = make_node(
            node_id,
            str(node.kind),
            node.name,
            parent=node.parent,
            state=node.state,
            artifacts=node.artifacts,
            data=node.data,
            idempotency_key=node.idempotency_key,
        )
        self.nodes[node_id] = made
        return made

    async def put(self, name: str, content: bytes) -> str:
        url = f"https://s.example/{len(self.stored)}/{name}"
        self.stored[url] = content
        return url

    @property
    def mails(self) -> list[str]:
        """What was written, as text."""
        urls = [node.artifacts["mail"] for node in self.created.values()]
        return [self.stored[url].decode() for url in urls]


def _matches(node: Node, filters: dict[str, Any]) -> bool:
    for name, wanted in filters.items():
        field, _, op = name.partition("__")
        value: Any = node.model_dump()
        for part in field.split("."):
            value = (value or {}).get(part)
        if op == "lt":
            if not value.isoformat() < wanted:
                return False
        elif op == "ne":
            if value == wanted:
                return False
        elif value != wanted:
            return False
    return True


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


HEAD = Letterhead(
    name="KernelCI bot",
    address="bot@ci.example.org",
    recipients=("results@ci.example.org",),
    domain="ci.example.org",
    node_url="https://ci.example.org/viewer?node_id=",
)


def make_settings(**told: Any) -> Settings:
    known: dict[str, Any] = {
        "api_url": "http://api.example",
        "storage_url": "http://s.example",
        "token": "t",
        "mail_from": "KernelCI bot <bot@ci.example.org>",
        "mail_to": ["results@ci.example.org", "list@lists.example"],
        "mail_domain": "ci.example.org",
        "mail_mode": "live",
        "mail_settle": 5,
    }
    return Settings(**{**known, **told})


class Scene:
    """What the tests play with, for they cannot import this file."""

    api = FakeApi
    event_of = staticmethod(event_of)
    head = HEAD
    node = staticmethod(make_node)
    panic = PANIC
    regression = staticmethod(make_regression)
    settings = staticmethod(make_settings)
    tree = staticmethod(failing_tree)


@pytest.fixture(scope="session")
def scene() -> type[Scene]:
    return Scene


def _text(mail: Mail) -> str:
    return mail.to_bytes().decode().replace("\r\n", "\n")


@pytest.fixture(scope="session")
def golden() -> Callable[[str, Mail], None]:
    """Compare a mail with the recorded one; without a record, make it and fail."""

    def check(name: str, mail: Mail) -> None:
        record = Path(__file__).parent / "golden" / name
        if not record.exists():
            record.write_text(_text(mail))
            pytest.fail(f"recorded {record}: read it, then run again")
        assert _text(mail) == record.read_text()

    return check
