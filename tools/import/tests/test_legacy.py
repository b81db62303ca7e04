# SPDX-License-Identifier: LGPL-2.1-or-later
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from kci_import.checkpoint import State
from kci_import.legacy.dump import find_collections
from kci_import.legacy.importer import LegacyImport
from kci_import.report import write_problems
from kci_import.writer import Writer
from kci_shared.models import ImportedNode

STORAGE = "https://storage.example.org"
SECRETS = ("bbbb-api-token", "carol", "Carol", "hunter2")
"""What stands in the dump, and nowhere else afterwards."""
Documents = dict[str, list[dict[str, Any]]]


def hex_id(number: int) -> str:
    return f"5d00000{number:017x}"


def oid(number: int) -> dict[str, str]:
    return {"$oid": hex_id(number)}


class Run:
    """An import of dumps into one API, with one file of state."""

    def __init__(self, api: Any, state: State) -> None:
        self.api = api
        self.state = state

    async def __call__(self, folder: Path, batch: int = 500) -> None:
        collections = find_collections(folder)
        importer = LegacyImport(
            self.state, Writer(self.api), Progress(disable=True), batch
        )
        await importer.run(collections, STORAGE)

    def node(self, number: int) -> ImportedNode:
        node: ImportedNode = self.api.nodes[hex_id(number)]
        return node

    def said(self, source: str) -> list[str]:
        return [p.said for p in self.state.problems() if p.source == source]

    def fates(self) -> Counter[str]:
        return sum(self.state.tallies().values(), Counter())


@pytest.fixture
def run(api: Any, state: State) -> Run:
    return Run(api, state)


async def test_a_dump_becomes_one_tree_a_revision(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    await run(write_dump(documents))
    kinds = Counter(node.node.kind for node in run.api.nodes.values())
    assert kinds == {
        "checkout": 3,
        "kbuild": 3,
        "job": 6,
        "test": 3,
        "regression": 1,
    }
    parents = [run.node(n).node.parent for n in (100, 101, 110, 111, 120)]
    assert parents == [None, *(hex_id(n) for n in (100, 101, 110, 111))]
    results = {n: run.node(n).node.result for n in (100, 101, 110, 111, 120, 210, 220)}
    assert results == {
        **dict.fromkeys((100, 101, 110, 111, 120), "pass"),
        **dict.fromkeys((210, 220), "fail"),
    }
    test = run.node(120)
    assert test.created.isoformat() == "2019-06-01T10:00:00.123000+00:00"
    assert test.node.data == {
        "arch": "arm64",
        "config_full": "defconfig+debug",
        "compiler": "gcc-10",
        "platform": "board-b",
        "runtime": "lab-a",
        "duration_s": 2.0,
        "index": 1,
        "log_excerpt": "line",
        "log_start": "2019",
        "log_end": "2019",
        "defconfig": "defconfig",
        "legacy": {"collection": "test_case"},
    }
    build = run.node(101).node
    assert build.name == "kbuild-gcc-10-arm64-defconfig+debug"
    assert build.data["fragments"] == ["debug"]
    assert build.data["log_summary"] == {"errors": 0, "warnings": 2, "mismatches": 0}
    assert build.artifacts == {"kernel": f"{STORAGE}/x/1/Image"}
    assert build.data["legacy"]["extra"] == {"odd": {"of": "some version"}}


async def test_the_copies_of_a_regression_become_one(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    await run(write_dump(documents))
    (node,) = run.api.of("regression")
    assert node.id == hex_id(330)
    said = node.node.data
    assert said["legacy"]["ids"] == [hex_id(230), hex_id(330)]
    assert (said["pass_node"], said["fail_node"]) == (hex_id(120), hex_id(220))
    assert said["node_sequence"] == [hex_id(320)]
    assert said["failed_kernel_revision"]["describe"] == "v5.2"
    assert said["passed_kernel_revision"]["describe"] == "v5.1"
    assert node.node.result == "fail"
    assert {run.node(n).node.data.get("regression") for n in (220, 320)} == {node.id}


async def test_a_regression_that_passed_later_is_over(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    said = documents
    said["test_case"][2]["status"] = "PASS"
    said["test_regression"].pop()
    await run(write_dump(said))
    assert run.api.of("regression")[0].node.result == "pass"


async def test_no_secret_and_no_address_leaves_the_dump(
    run: Run, write_dump: Any, documents: Documents, tmp_path: Path
) -> None:
    await run(write_dump(documents))
    write_problems(run.state, tmp_path / "report.jsonl")
    report = (tmp_path / "report.jsonl").read_text()
    text = "".join(node.model_dump_json() for node in run.api.nodes.values()) + report
    assert [secret for secret in SECRETS if secret in text] == []
    assert oid(9002)["$oid"] not in run.api.nodes
    assert "kci-api token create lab-a --scope runtime:lab-a" in report
    assert "scopes: nodes:write" in report
    assert (tmp_path / "report.jsonl").stat().st_mode & 0o777 == 0o600
    assert len([line for line in report.splitlines() if json.loads(line)]) == len(
        list(run.state.problems())
    )


async def test_the_same_again_changes_nothing(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    folder = write_dump(documents)
    await run(folder)
    before = dict(run.api.nodes)
    await run(folder)
    assert run.fates() == {"unchanged": 16}
    assert run.api.nodes == before


async def test_an_import_that_was_killed_goes_on(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    folder = write_dump(documents)
    for dies_at in range(1, 12):
        run.api.requests, run.api.dies_at = 0, dies_at
        try:
            await run(folder, batch=2)
        except KeyboardInterrupt:
            continue
        break
    assert len(run.api.nodes) == 16
    assert run.fates()["created"] == 16


async def test_what_is_missing_is_found_by_name_or_made(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    said = documents
    del said["job"][0]
    said["build"][1]["job_id"] = None
    del said["build"][2]
    await run(write_dump(said))
    assert run.node(201).node.parent == hex_id(200)
    (checkout,) = [
        n for n in run.api.of("checkout") if n.id not in map(hex_id, (200, 300))
    ]
    assert run.node(101).node.parent == checkout.id
    assert checkout.node.data["kernel_revision"]["describe"] == "v5.1"
    made = run.api.nodes[run.node(310).node.parent]
    assert made.node.kind == "kbuild"
    assert made.node.result is None
    assert made.node.parent == hex_id(300)
    assert made.node.data["arch"] == "arm64"
    assert (
        run.said("build")
        == [
            "not in the dump: the revision of the same name is taken",
            "not in the dump: a checkout is made",
        ]
        or len(run.said("build")) >= 2
    )
    assert run.fates()["orphan"] == 0


async def test_what_is_lost_is_told(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    said = documents
    said["test_group"][1]["parent_id"] = oid(7777)
    said["test_case"][1]["test_group_id"] = oid(7777)
    said["error_logs"][0]["build_id"] = oid(7777)
    said["test_case"].append({"_id": "no id", "status": "PASS", "log_lines": 7})
    said["unheard"] = [{"_id": 1}, {"_id": 2}]
    said["daily_stats"] = [{"_id": 1}]
    await run(write_dump(said))
    assert run.node(111).node.parent == hex_id(101)
    assert hex_id(220) not in run.api.nodes
    told = "\n".join(p.said for p in run.state.problems())
    assert f"it hangs below {hex_id(7777)}" in told
    assert "its build is not in the dump" in told
    assert "2 documents left out: nobody knows this collection" in told
    assert "1 documents left out: it can be told from the nodes" in told
    assert "right below its build" in told
    # the case, and the regression that tells of it
    assert run.fates()["orphan"] == 2
    assert run.fates()["refused"] == 1


async def test_older_names_and_older_sorts_of_documents_are_read(
    run: Run, write_dump: Any, documents: Documents
) -> None:
    said = documents
    base = {"job": "mainline", "git_branch": "master", "kernel": "v5.1"}
    boots = [
        {
            "_id": oid(500 + n),
            "build_id": oid(101),
            "status": status,
            **base,
            "lab_name": "lab-a",
            "device_type": "b",
            "board": "b",
            "retries": n,
            "boot_log": "boot.txt",
            "file_server_resource": "x/1",
        }
        for n, status in enumerate(["PASS", "OFFLINE"])
    ]
    bisect = {"_id": oid(600), **base, "good_commit": "a" * 40, "checks": {"x": "PASS"}}
    report = {
        "_id": oid(700),
        **base,
        "type": "boot",
        "status": "SENT",
        "errors": [[550, "no such user carol@example.org"]],
    }
    renamed = {
        "defconfig": said["build"],
        "test_suite": said["test_group"],
        "boot": boots,
        "bisect": [bisect],
        "report": [report],
    }
    for name in ("build", "test_group"):
        said.pop(name)
    await run(write_dump({**said, **renamed}))
    assert run.node(110).node.parent == hex_id(101)
    good, offline = run.node(500).node, run.node(501).node
    assert (good.kind, good.name, good.result) == ("test", "boot", "pass")
    assert good.artifacts == {"lava_log": f"{STORAGE}/x/1/lab-a/boot.txt"}
    assert (offline.result, offline.data["error_code"]) == (
        "incomplete",
        "Infrastructure",
    )
    assert offline.retry_counter == 1
    assert run.node(600).node.data["good"] == {"commit": "a" * 40}
    assert run.node(600).node.parent == hex_id(100)
    assert run.node(700).node.data["report"] == {"status": "SENT", "type": "boot"}
    assert "carol" not in run.node(700).model_dump_json()
