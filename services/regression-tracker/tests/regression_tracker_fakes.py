# SPDX-License-Identifier: LGPL-2.1-or-later
"""Revisions of one branch with their runs, in the API's fake."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kci_fakes.api import FakeApi
from kci_shared.models import NODE, Event, Node, Regression

START = datetime(2026, 1, 1, tzinfo=UTC)
FAULT = {"kind": "oops", "severity": "fault", "headline": "Oops", "line": 7}


class TrackerApi(FakeApi):
    """The API in memory, and the regressions in it."""

    @property
    def regressions(self) -> list[Regression]:
        """The regressions, the oldest first."""
        return [node for node in self.nodes.values() if isinstance(node, Regression)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What passed and failed first, of the regressions that hold."""
        return sorted(
            (node.data.pass_node, node.data.fail_node)
            for node in self.regressions
            if node.data.status != "withdrawn"
        )


class World:
    """Revisions of one branch, each with runs of the same test."""

    def __init__(self, api: TrackerApi) -> None:
        self.api = api
        self._now = START

    def checkout(self, commit: str, **fields: Any) -> Node:
        """Add the branch's next revision."""
        node_id = self.api.tree.new_id()
        fields = {"kind": "checkout", "name": "checkout", "treeid": node_id, **fields}
        return self._add(node_id, commit, ["checkout"], fields)

    def run(self, checkout: Node, result: str | None = "pass", **fields: Any) -> Node:
        """Add a run of the revision, newer than all that is there.

        What fails shows why, unless `signature` is None.
        """
        signature = fields.pop("signature", "some-oops")
        fault = {"findings": [{**FAULT, "signature": signature}]}
        shown = fault if result == "fail" and signature else {}
        build = {"platform": "qemu", "arch": "x86_64"}
        data = {**build, **shown, **fields.pop("data", {})}
        fields = {
            "kind": "job",
            "name": "boot",
            "parent": checkout.id,
            "treeid": checkout.treeid,
            "result": result,
            **fields,
            "data": data,
        }
        assert checkout.data.kernel_revision is not None
        commit = checkout.data.kernel_revision.commit
        return self._add(
            self.api.tree.new_id(), commit, ["checkout", fields["name"]], fields
        )

    def _add(
        self, node_id: str, commit: str, path: list[str], fields: dict[str, Any]
    ) -> Node:
        self._now += timedelta(minutes=1)
        revision = {
            "tree": "mainline",
            "branch": "master",
            "url": "u",
            "commit": commit,
        }
        common = {"id": node_id, "path": path, "state": "done", "owner": "lab"}
        data = {"kernel_revision": revision, **fields.pop("data", {})}
        made = {
            **common,
            "created": self._now,
            "updated": self._now,
            **fields,
            "data": data,
        }
        node = NODE.validate_python(made)
        self.api.put(node)
        return node


def an_event(node: Node, **change: Any) -> Event:
    """Return the event that a node has just been changed."""
    fields = node.model_dump(include={"id", "kind", "name", "state", "result"})
    return Event.model_validate(
        {"id": "e", "time": START, "data": {"op": "updated", **fields, **change}}
    )
