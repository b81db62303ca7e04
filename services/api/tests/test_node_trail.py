# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create, patched
from kci_api.nodes.plans import Change, with_event
from kci_api.nodes.trail import KEPT_CHANGES, trail_entries, with_trail
from kci_api.times import stamp
from kci_shared.models import NewNode, NodePatch

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BEFORE = create(
    NewNode.model_validate({"kind": "job", "name": "n"}), None, Caller("alice"), NOW
)
AFTER = patched(BEFORE, NodePatch.model_validate({"data": {"runtime": "lab"}}), NOW)
ENTRY = {"version": 2, "by": "bob", "at": NOW, "fields": ["data"]}


def test_a_change_is_recorded_with_its_public_fields() -> None:
    update = with_trail(Change(BEFORE, AFTER), "bob")
    assert update["$set"].keys() == {"data", "runtime", "version"}
    assert update["$push"] == {"trail": {"$each": [ENTRY], "$slice": -KEPT_CHANGES}}


def test_the_event_and_the_trail_are_written_together() -> None:
    update = with_trail(with_event(BEFORE, AFTER), "bob")
    assert update["$push"].keys() == {"outbox", "trail"}


def test_a_trail_begins_with_the_creation() -> None:
    node = {"owner": "alice", "created": NOW, "trail": [ENTRY]}
    created, changed = trail_entries(node)
    assert (created.version, created.by, created.fields) == (1, "alice", [])
    assert (changed.version, changed.by, changed.at) == (2, "bob", stamp(NOW))
    assert len(trail_entries({**node, "trail": []})) == 1


def test_a_long_trail_has_only_the_latest_changes() -> None:
    node = {"owner": "alice", "created": NOW, "trail": [{**ENTRY, "version": 7}]}
    assert [entry.version for entry in trail_entries(node)] == [7]
