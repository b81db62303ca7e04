# SPDX-License-Identifier: LGPL-2.1-or-later
"""A legacy dump in one API, and the nodes of that one in another."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[3]
OWN_DUMP = PROJECT / "tools" / "import" / "tests" / "dump"
REAL_DUMP = PROJECT.parent / "shared" / "data" / "legacy-dump"
REVISION = {"tree": "t", "url": "https://t.org", "branch": "b", "commit": "c"}
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def kinds(nodes: list[dict[str, Any]]) -> Counter[str]:
    return Counter(node["kind"] for node in nodes)


def real_ids() -> str:
    return ",".join(
        document["_id"]["$oid"]
        for name in ("job", "build", "test_group", "test_case", "test_regression")
        for document in json.loads((REAL_DUMP / f"{name}.json").read_text())
    )


@pytest.mark.skipif(not REAL_DUMP.is_dir(), reason="../shared/data is not here")
def test_the_legacy_dump_meets_its_oracle_and_again_changes_nothing(
    apis: Any, importing_to: Any, tmp_path: Path
) -> None:
    importing = importing_to(apis[0], tmp_path)
    importing("legacy", str(REAL_DUMP))
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
    (tale,) = [node for node in nodes if node["kind"] == "regression"]
    assert len(tale["data"]["legacy"]["ids"]) == 2
    run = [tale["data"]["pass_node"], tale["data"]["fail_node"]]
    assert len([*run, *tale["data"]["node_sequence"]]) == 3
    report = (tmp_path / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in report] == ["errors_summary"]

    table = importing("legacy", str(REAL_DUMP))
    assert totals(table) == [0, 0, 58, 0, 0]
    assert apis[0].nodes(id__in=real_ids()) == nodes


def totals(table: str) -> list[int]:
    (line,) = [line for line in table.splitlines() if line.startswith("│ all")]
    return [int(cell) for cell in line.split("│")[2:-1]]


def test_an_import_that_is_killed_again_and_again_brings_all_once(
    apis: Any, importing_to: Any, tmp_path: Path
) -> None:
    importing = importing_to(apis[0], tmp_path)
    for number in (1, 6, 11):

        def enough(number: int = number) -> bool:
            return len(own_nodes(apis[0])) >= number

        assert importing.killed_when(enough, "legacy", str(OWN_DUMP))
    assert len(own_nodes(apis[0])) < 16
    table = importing("legacy", str(OWN_DUMP))
    assert "bbbb" not in table
    nodes = own_nodes(apis[0])
    assert kinds(nodes) == {
        "checkout": 3,
        "kbuild": 3,
        "job": 6,
        "test": 3,
        "regression": 1,
    }
    assert {node["version"] for node in nodes} == {1}
    said = json.dumps(nodes) + (tmp_path / "report.jsonl").read_text()
    assert not any(word in said for word in ("bbbb", "carol", "Carol", "hunter2"))
    assert apis[0].get("events", limit=10) == []


def own_nodes(api: Any) -> list[dict[str, Any]]:
    return api.nodes(created__lt="2020-01-01")  # type: ignore[no-any-return]


def test_the_nodes_of_another_api_come_as_they_are(
    apis: Any, importing_to: Any, tmp_path: Path
) -> None:
    importing_to(apis[0], tmp_path / "legacy")("legacy", str(OWN_DUMP))
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
        importing = importing_to(apis[1], tmp_path / "peer")
        importing("peer", apis[0].url)
        there, here = apis[0].nodes(), apis[1].nodes()
        waiting = {node["id"] for node in there if node["treeid"] == root["treeid"]}
        assert len(waiting) == 2
        kept = [node for node in there if node["id"] not in waiting]
        assert [plain(node) for node in here] == [plain(node) for node in kept]

        done = writer.patch(f"/node/{root['id']}", json={"state": "done"})
        assert done.is_success
    assert totals(importing("peer", apis[0].url)) == [2, 0, 0, 0, 0]
    assert [plain(n) for n in apis[1].nodes()] == [plain(n) for n in apis[0].nodes()]
    again = importing("peer", apis[0].url, "--all")
    assert totals(again) == [0, 0, len(apis[0].nodes()), 0, 0]
    assert apis[1].get("events", limit=10) == []


def plain(node: dict[str, Any]) -> dict[str, Any]:
    """Return a node without the count of its versions, which begins anew."""
    return {key: value for key, value in node.items() if key != "version"}
