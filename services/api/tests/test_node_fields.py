# SPDX-License-Identifier: LGPL-2.1-or-later
"""A field of a node is declared once, and the API derives the rest."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import kci_api
import kci_shared
from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create, patched, replaced
from kci_api.nodes.stored import MAPS, StoredNode
from kci_api.nodes.wire import node_fields
from kci_api.times import stamp
from kci_shared.models import Kind, NewNode, NodePatch, Result, State
from kci_shared.models.nodes import Access, BaseNode, fields_with

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALICE = Caller("alice")
VALUES: dict[str, Any] = {
    "kind": Kind.CHECKOUT,
    "state": State.AVAILABLE,
    "result": Result.PASS,
    "artifacts": {"log": "https://example.org/log"},
    "data": {"arch": "arm64"},
    "debug": {"note": 1},
    "jobfilter": ["boot"],
    "platform_filter": ["board"],
    "timeout": LATER,
    "holdoff": LATER,
    "user_groups": ["lab"],
    "retry_counter": 3,
}
SENT = NewNode.model_fields.keys() - {"id", "parent"}
EDITABLE_BY_PATCH = NodePatch.model_fields.keys() & set(fields_with(Access.EDITABLE))


def value(field: str) -> Any:
    return VALUES.get(field, "text")


def new(**fields: Any) -> NewNode:
    return NewNode(**{"kind": Kind.CHECKOUT, "name": "n", **fields})


def answered(node: StoredNode, field: str) -> Any:
    """Return a field as a client reads it from what the database keeps."""
    document = node.to_mongo()
    return node_fields(StoredNode.model_validate(document).to_mongo())[field]


def as_answered(field: str) -> Any:
    given = value(field)
    return stamp(given) if isinstance(given, datetime) else given


def test_a_client_may_send_each_field_that_is_not_read_only() -> None:
    writable = BaseNode.model_fields.keys() - fields_with(Access.READ_ONLY)
    assert NewNode.model_fields.keys() == writable | {"id"}


def test_a_patch_names_editable_fields_and_two_that_clients_send_back() -> None:
    assert EDITABLE_BY_PATCH | {"id", "treeid"} == NodePatch.model_fields.keys()


@pytest.mark.parametrize(
    "field", sorted(NewNode.model_fields.keys() - {"id", "parent"})
)
def test_what_is_sent_is_stored_and_answered(field: str) -> None:
    node = create(new(**{field: value(field)}), None, ALICE, NOW)
    assert answered(node, field) == as_answered(field)


@pytest.mark.parametrize("field", sorted(EDITABLE_BY_PATCH))
def test_what_a_patch_names_is_changed(field: str) -> None:
    before = create(new(), None, ALICE, NOW)
    after = patched(before, NodePatch(**{field: value(field)}), LATER)
    assert answered(after, field) == as_answered(field)


@pytest.mark.parametrize("field", fields_with(Access.EDITABLE))
def test_what_a_put_names_is_changed(field: str) -> None:
    before = create(new(), None, ALICE, NOW)
    after = replaced(before, new(**{field: value(field)}), LATER)
    assert answered(after, field) == as_answered(field)


@pytest.mark.parametrize("field", fields_with(Access.SET_ONCE))
def test_what_is_set_once_stays(field: str) -> None:
    before = create(new(), None, ALICE, NOW)
    assert replaced(before, new(**{field: value(field)}), LATER) is before


@pytest.mark.parametrize("field", sorted({*fields_with(Access.READ_ONLY)} - {"id"}))
def test_what_is_read_only_is_ignored(field: str) -> None:
    assert field not in new(**{field: "x"}).model_fields_set
    assert field not in NodePatch.model_validate({field: "x"}).model_fields_set


def test_a_document_that_is_older_than_a_field_is_answered_with_its_default() -> None:
    document = create(new(), None, ALICE, NOW).to_mongo()
    del document["platform_filter"]
    assert node_fields(document)["platform_filter"] == []


def test_maps_are_the_fields_that_hold_keys() -> None:
    assert {"artifacts", "data", "debug"} == MAPS


FIELD = "    labels: list[str] = []\n"
ROUND_TRIP = """
from datetime import UTC, datetime

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create, patched
from kci_api.nodes.fields import field_type
from kci_api.nodes.wire import node_fields
from kci_shared.models import NewNode, NodePatch

now = datetime.now(UTC)
new = NewNode.model_validate({"kind": "job", "name": "n", "labels": ["a"]})
node = create(new, None, Caller("alice"), now)
assert node_fields(node.to_mongo())["labels"] == ["a"]
after = patched(node, NodePatch.model_validate({"labels": ["b"]}), now)
assert node_fields(after.to_mongo())["labels"] == ["b"]
assert field_type("labels") is not None
"""


def test_a_field_that_is_added_to_the_three_models_needs_nothing_else(
    tmp_path: Path,
) -> None:
    for package in (kci_shared, kci_api):
        folder = Path(str(package.__file__)).parent
        shutil.copytree(folder, tmp_path / folder.name)
    models = tmp_path / "kci_shared/models/nodes.py"
    text = models.read_text()
    for last in (
        "    claim: Annotated[Claim | None, Access.READ_ONLY] = None\n",
        "    retry_counter: Annotated[Integer, Field(ge=0)] = 0\n",
        "    artifacts: dict[Key, Url | None] = {}\n",
    ):
        assert text.count(last) == 1
        text = text.replace(last, f"{last}{FIELD}")
    models.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", ROUND_TRIP], env=environment, check=True)
