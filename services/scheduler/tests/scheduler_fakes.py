# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small configuration, and the API's fake with trees handed in."""

from datetime import UTC, datetime
from typing import Any

from kci_fakes.api import FakeApi
from kci_scheduler.scheduler import Scheduler
from kci_shared.models import Checkout, Job, Kbuild, NewNode, Node

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REVISION = {
    "tree": "demo",
    "url": "https://git.example.org/demo.git",
    "branch": "master",
    "commit": "c0ffee",
}
BUILD = "build/gcc-12/x86_64/cloud"
KERNEL = {"kernel": "https://storage.example.org/k", "_config": "https://x/config"}
SMALL: dict[str, Any] = {
    "trees": {"demo": {"url": REVISION["url"], "branches": {"master": {}}}},
    "builds": {
        "debian": {"external": True, "compiler": "gcc-12", "arch": {"x86_64": "cloud"}}
    },
    "tests": {
        "boot": {"needs": "build/debian", "retry": {"infra": 2}},
        "smoke": {"needs": "boot", "steps": [{"id": "uname", "run": "uname -a"}]},
    },
    "platforms": {"pc": {"arch": "x86_64"}, "board": {"arch": "arm64"}},
    "labs": {"lab": {"type": "labgrid", "platforms": ["pc", "board"]}},
}


class SchedulerApi(FakeApi):
    """The API in memory, at noon, with what the scheduler's tests hand in."""

    def __init__(self) -> None:
        super().__init__(now=lambda: NOW)

    @property
    def methods(self) -> list[str]:
        """The names of the calls so far."""
        return [call.method for call in self.calls]

    def submit(self, *builds: dict[str, Any], **fields: Any) -> Checkout:
        """Hand in a checkout with builds, done and passed unless they say otherwise."""
        passed = {"state": "available", "result": "pass"}
        data = {"kernel_revision": REVISION, **fields.pop("data", {})}
        root = self.add(
            NewNode.model_validate(
                {
                    "kind": "checkout",
                    "name": "checkout",
                    **passed,
                    **fields,
                    "data": data,
                }
            )
        )
        assert isinstance(root, Checkout)
        for build in builds:
            self.submit_build(root, build)
        return root

    def submit_build(self, root: Node, build: dict[str, Any]) -> Kbuild:
        """Hand in a build, done and passed unless it says otherwise."""
        fields = {"name": BUILD, "artifacts": KERNEL, "state": "done", **build}
        node = self.add(
            NewNode.model_validate(
                {"kind": "kbuild", "parent": root.id, "result": "pass", **fields}
            )
        )
        assert isinstance(node, Kbuild)
        return node

    def checkout(self, node_id: str) -> Checkout:
        """Return a checkout as it is now."""
        node = self.nodes[node_id]
        assert isinstance(node, Checkout)
        return node

    def build(self, name: str, **fields: Any) -> Kbuild:
        """Return the only build of a name that has these fields."""
        node = self.one(kind="kbuild", name=name, **fields)
        assert isinstance(node, Kbuild)
        return node

    def job(self, name: str, **fields: Any) -> Job:
        """Return the only job of a name that has these fields."""
        node = self.one(kind="job", name=name, **fields)
        assert isinstance(node, Job)
        return node

    def paths(self) -> list[str]:
        """Return the paths of all nodes, with lab and platform of the jobs."""
        return sorted(
            "/".join([*node.path[1:], *_place(node)]) for node in self.nodes.values()
        )


async def hear(scheduler: Scheduler, api: FakeApi) -> None:
    """Deliver all events, and those that follow from them."""
    heard = 0
    while heard < len(api.events):
        await scheduler.on_event(api.events[heard])
        heard += 1


def _place(node: Node) -> list[str]:
    if not isinstance(node, Job):
        return []
    return [f"@{node.data.runtime}:{node.data.platform}#{node.retry_counter}"]
