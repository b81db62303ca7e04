# SPDX-License-Identifier: LGPL-2.1-or-later
"""A legacy dump imported into one API, and its nodes from there into another."""

import json
from collections import Counter
from pathlib import Path

import pytest

from integration.importing.conftest import Api, ImportInto, NodeJson

PROJECT = Path(__file__).parents[3]
OWN_DUMP = PROJECT / "tools" / "import" / "tests" / "dump"
REAL_DUMP = PROJECT.parent / "shared" / "data" / "legacy-dump"
REVISION = {"tree": "t", "url": "https://t.org", "branch": "b", "commit": "c"}
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def kinds(nodes: list[NodeJson]) -> Counter[str]:
    return Counter(node["kind"] for node in nodes)


def real_ids() -> str:
    return ",".join(
        document["_id"]["$oid"]
        for name in ("job", "build", "test_group", "test_case", "test_regression")
        for document in json.loads((REAL_DUMP / f"{name}.json").read_text())
    )


@pytest.mark.skipif(not REAL_DUMP.is_dir(), reason="../shared/data is not here")
def test_a_dump_of_production_is_imported_and_a_second_import_changes_nothing(
    apis: list[Api], import_into: ImportInto, tmp_path: Path
) -> None:
    command = import_into(apis[0], tmp_path)
    command("legacy", str(REAL_DUMP))
    nodes = apis[0].nodes(id__in=real_ids())
    assert kinds(nodes) == {
        "checkout": 6,
        "kbuild": 7,
        "job": 14,
        "test": 30,
        "regression": 1,
    }
    ids = {node["id"] for node in nodes}
    assert [n for n in nodes if n["parent"] and n["parent"] not in ids] == []
    (regression,) = [node for node in nodes if node["kind"] == "regression"]
    data = regression["data"]
    assert len(data["legacy"]["ids"]) == 2
    assert data["pass_node"]
    assert data["fail_node"]
    assert len(data["node_sequence"]) == 1
    report = (tmp_path / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in report] == ["errors_summary"]

    table = command("legacy", str(REAL_DUMP))
    assert totals(table) == [0, 0, 58, 0, 0]
    assert apis[0].nodes(id__in=real_ids()) == nodes


def totals(table: str) -> list[int]:
    (line,) = [line for line in table.splitlines() if line.startswith("│ all")]
    return [int(cell) for cell in line.split("│")[2:-1]]


def test_an_import_that_is_killed_repeatedly_imports_each_node_once(
    apis: list[Api], import_into: ImportInto, tmp_path: Path
) -> None:
    command = import_into(apis[0], tmp_path)
    for kill_at, imported in ((1, 1), (5, 5), (7, 11)):
        command.run_and_kill(kill_at, "legacy", str(OWN_DUMP))
        assert len(legacy_nodes(apis[0])) == imported
    table = command("legacy", str(OWN_DUMP))
    assert "bbbb" not in table
    nodes = legacy_nodes(apis[0])
    assert kinds(nodes) == {
        "checkout": 3,
        "kbuild": 3,
        "job": 6,
        "test": 3,
        "regression": 1,
    }
    assert {node["version"] for node in nodes} == {1}
    text = json.dumps(nodes) + (tmp_path / "report.jsonl").read_text()
    assert not any(secret in text for secret in ("bbbb", "carol", "Carol", "hunter2"))
    assert apis[0].get("events", limit=10) == []


def legacy_nodes(api: Api) -> list[NodeJson]:
    return api.nodes(created__lt="2020-01-01")


def test_nodes_of_another_api_are_imported_unchanged(
    apis: list[Api], import_into: ImportInto, tmp_path: Path
) -> None:
    import_into(apis[0], tmp_path / "legacy")("legacy", str(OWN_DUMP))
    with apis[0].client("nodes:write") as writer:
        new = {
            "kind": "checkout",
            "name": "checkout",
            "state": "running",
            "data": {"kernel_revision": REVISION},
            "treeid": "a-tree-of-its-own",
        }
        root = writer.post("/node", json={**new, "idempotency_key": "k"}).json()
        build = {"kind": "kbuild", "name": "b", "parent": root["id"], "state": "done"}
        assert writer.post("/node", json=build).is_success
        command = import_into(apis[1], tmp_path / "peer")
        command("peer", apis[0].url)
        there, here = apis[0].nodes(), apis[1].nodes()
        waiting = {node["id"] for node in there if node["treeid"] == root["treeid"]}
        assert len(waiting) == 2
        kept = [node for node in there if node["id"] not in waiting]
        assert [content(node) for node in here] == [content(node) for node in kept]

        done = writer.patch(f"/node/{root['id']}", json={"state": "done"})
        assert done.is_success
    assert totals(command("peer", apis[0].url)) == [2, 0, 0, 0, 0]
    assert [content(n) for n in apis[1].nodes()] == [
        content(n) for n in apis[0].nodes()
    ]
    again = command("peer", apis[0].url, "--all")
    assert totals(again) == [0, 0, len(apis[0].nodes()), 0, 0]
    assert apis[1].get("events", limit=10) == []


def content(node: NodeJson) -> NodeJson:
    """Return a node without its version, which an import starts at 1."""
    return {key: value for key, value in node.items() if key != "version"}
