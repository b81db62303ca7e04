# SPDX-License-Identifier: LGPL-2.1-or-later
from typing import Any

import pytest
from bson import ObjectId

from kci_api.callers.rules import Caller
from kci_api.imports.rules import Importer, check_may_import
from kci_shared.errors import NotPermitted
from kci_shared.models import Fate, Imported, ImportedNode

ROOT = "65265305c746958074990370"
BUILD = "65265305c746958074990371"
WHEN = "2019-05-06T07:08:09.123456"


def imported(node_id: str, **fields: Any) -> ImportedNode:
    node = {"kind": "checkout", "name": "checkout", "state": "done", **fields}
    times = {"created": WHEN, "updated": WHEN}
    return ImportedNode.model_validate(
        {"id": node_id, "owner": "them", **times, "node": node}
    )


def again(importer: Importer) -> Importer:
    """An importer that finds what the first one wrote."""
    nodes = [*importer.imports, *(change.after for change in importer.updates)]
    return Importer({**importer.by_id, **{node.id: node for node in nodes}}, {})


def empty() -> Importer:
    return Importer({}, {})


def test_only_an_administrator_or_a_token_for_it_may_import() -> None:
    check_may_import(Caller("root", is_superuser=True))
    check_may_import(Caller("kci-import", scopes=frozenset({"nodes:import"})))
    for caller in (
        Caller("alice", groups=frozenset({"node:edit:any"})),
        Caller("scheduler", scopes=frozenset({"nodes:write"})),
    ):
        with pytest.raises(NotPermitted):
            check_may_import(caller)


def test_a_node_keeps_its_id_times_and_owner_and_children_follow_their_parent() -> None:
    importer = empty()
    root = imported(ROOT, treeid="their-tree")
    build = imported(BUILD, kind="kbuild", name="build", parent=ROOT, treeid="x")
    assert [importer.add(one).fate for one in (root, build)] == [Fate.CREATED] * 2
    first, second = importer.imports
    assert (str(first.id), first.owner, first.treeid) == (ROOT, "them", "their-tree")
    assert first.created.isoformat() == "2019-05-06T07:08:09.123000+00:00"
    assert second.path == ["checkout", "build"]
    assert second.ancestors == [ObjectId(ROOT)]
    assert second.treeid == "their-tree"


def test_a_repeated_import_changes_nothing_and_new_content_makes_a_version() -> None:
    importer = empty()
    importer.add(imported(ROOT))
    second = again(importer)
    assert second.add(imported(ROOT)).fate is Fate.UNCHANGED
    assert not second.plan().imports
    assert not second.plan().updates
    third = again(importer)
    assert third.add(imported(ROOT, result="pass")).fate is Fate.CHANGED
    (change,) = third.updates
    assert change.after.version == change.after.imported == 2
    assert change.entry is None
    assert set(change.update()["$set"]) == {"result", "digest", "version", "imported"}


def test_what_was_made_or_changed_here_stays() -> None:
    importer = empty()
    importer.add(imported(ROOT))
    (node,) = importer.imports
    for change, words in (
        ({"imported": None}, "created here"),
        ({"version": 2}, "changed here"),
    ):
        here = node.model_copy(update=change)
        answer = Importer({here.id: here}, {}).add(imported(ROOT, result="fail"))
        assert answer.fate is Fate.REFUSED
        assert words in (answer.reason or "")


@pytest.mark.parametrize("field", ["kind", "name"])
def test_fixed_fields_cannot_change(field: str) -> None:
    importer = empty()
    importer.add(imported(ROOT))
    answer = again(importer).add(imported(ROOT, **{field: "test"}))
    assert answer.fate is Fate.REFUSED


def test_an_orphan_names_the_missing_node() -> None:
    child = imported(BUILD, kind="kbuild", name="build", parent=ROOT)
    assert empty().add(child) == Imported(
        id=BUILD, fate=Fate.ORPHAN, reason=f"parent {ROOT} is not here", needs=ROOT
    )
    fail = {"fail_node": ROOT, "pass_node": BUILD}
    tale = imported(BUILD, kind="regression", name="boot", data=fail)
    assert empty().add(tale).needs == ROOT


def test_a_regression_has_the_path_of_what_failed() -> None:
    importer = empty()
    importer.add(imported(ROOT, name="boot"))
    fail = {"fail_node": ROOT, "pass_node": BUILD}
    assert importer.add(
        imported(BUILD, kind="regression", name="x", data=fail)
    ).fate is (Fate.CREATED)
    assert importer.imports[1].path == ["boot"]
    assert importer.imports[1].treeid == ROOT


def test_a_path_or_treeid_that_differs_here_is_reported() -> None:
    importer = empty()
    importer.add(imported(ROOT, treeid="tree"))
    build = imported(BUILD, kind="kbuild", name="b", parent=ROOT, treeid="other")
    answer = importer.add(build.model_copy(update={"path": ["b"]}))
    assert answer.fate is Fate.CREATED
    assert answer.reason == (
        "path is ['checkout', 'b'], was ['b']; treeid is 'tree', was 'other'"
    )


def test_a_node_that_is_in_a_request_twice_is_imported_once() -> None:
    importer = empty()
    nodes = [
        imported(ROOT, idempotency_key="k"),
        imported(ROOT, name="other"),
        imported(BUILD, idempotency_key="k"),
    ]
    fates = [importer.add(node).fate for node in nodes]
    assert fates == [Fate.CREATED, Fate.REFUSED, Fate.REFUSED]
    assert len(importer.imports) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "running"}, "only done nodes"),
        ({"data": {"kernel_revision": {"tree": "x"}}}, "data.kernel_revision.url"),
        ({"data": {"$where": 1}}, "data"),
        ({"data": {"log": "x" * 2**21}}, "artifact"),
        ({"parent": "zzz"}, "ObjectId"),
        ({"idempotency_key": "taken"}, "belongs to node"),
    ],
)
def test_a_node_that_cannot_be_imported_is_refused_with_a_reason(
    fields: dict[str, Any], words: str
) -> None:
    importer = empty()
    importer.add(imported(ROOT, idempotency_key="taken"))
    (taken,) = importer.imports
    importer = Importer({}, {"taken": taken})
    answer = importer.add(imported(BUILD, **fields))
    assert answer.fate is Fate.REFUSED
    assert words in (answer.reason or "")
    assert importer.imports == []
