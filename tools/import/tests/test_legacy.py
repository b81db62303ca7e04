# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documents of a legacy dump become."""

import json
from collections import Counter
from pathlib import Path

import pytest
from import_fakes import Documents, Outcome, TargetApi, WriteDump
from rich.progress import Progress

from kci_import.checkpoint import Checkpoint
from kci_import.legacy.dump import find_collections
from kci_import.legacy.importer import LegacyImport
from kci_import.report import write_problems
from kci_import.writer import Writer
from kci_shared.models import ImportedNode

STORAGE = "https://storage.example.org"
SECRETS = ("bbbb-api-token", "carol", "Carol", "hunter2")
"""Secrets and names of people in the dump."""


def hex_id(number: int) -> str:
    return f"5d00000{number:017x}"


def oid(number: int) -> dict[str, str]:
    return {"$oid": hex_id(number)}


class Run(Outcome):
    """An import of dumps into one API, with one checkpoint."""

    def __init__(self, api: TargetApi, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self.api = api

    async def __call__(self, folder: Path, batch: int = 500) -> None:
        collections = find_collections(folder)
        progress = Progress(disable=True)
        importer = LegacyImport(self.checkpoint, Writer(self.api), progress, batch)
        await importer.run(collections, STORAGE)

    def node(self, number: int) -> ImportedNode:
        return self.api.imported[hex_id(number)]

    def parent(self, number: int) -> str | None:
        return self.node(number).node.parent


@pytest.fixture
def run(api: TargetApi, checkpoint: Checkpoint) -> Run:
    return Run(api, checkpoint)


async def test_each_revision_of_a_dump_becomes_a_tree(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    await run(write_dump(documents))
    kinds = Counter(node.node.kind for node in run.api.imported.values())
    assert kinds == {
        "checkout": 3,
        "kbuild": 3,
        "job": 6,
        "test": 3,
        "regression": 1,
    }
    parents = [run.parent(number) for number in (100, 101, 110, 111, 120)]
    assert parents == [None, *(hex_id(number) for number in (100, 101, 110, 111))]
    results = {n: run.node(n).node.result for n in (100, 101, 110, 111, 120, 210, 220)}
    assert results == {
        **dict.fromkeys((100, 101, 110, 111, 120), "pass"),
        **dict.fromkeys((210, 220), "fail"),
    }


async def test_a_test_case_becomes_a_test(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    await run(write_dump(documents))
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


async def test_a_build_becomes_a_kbuild(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    await run(write_dump(documents))
    build = run.node(101).node
    assert build.name == "kbuild-gcc-10-arm64-defconfig+debug"
    assert build.data["fragments"] == ["debug"]
    assert build.data["log_summary"] == {"errors": 0, "warnings": 2, "mismatches": 0}
    assert build.artifacts == {"kernel": f"{STORAGE}/x/1/Image"}
    assert build.data["legacy"]["extra"] == {"odd": {"of": "some version"}}


async def test_the_copies_of_a_regression_become_one_node(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    await run(write_dump(documents))
    (regression,) = run.api.of("regression")
    assert regression.id == hex_id(330)
    data = regression.node.data
    assert data["legacy"]["ids"] == [hex_id(230), hex_id(330)]
    assert (data["pass_node"], data["fail_node"]) == (hex_id(120), hex_id(220))
    assert data["node_sequence"] == [hex_id(320)]
    assert data["failed_kernel_revision"]["describe"] == "v5.2"
    assert data["passed_kernel_revision"]["describe"] == "v5.1"
    assert regression.node.result == "fail"
    tests = [run.node(number).node.data["regression"] for number in (220, 320)]
    assert tests == [regression.id] * 2


async def test_a_regression_whose_test_passed_later_passes(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    documents["test_case"][2]["status"] = "PASS"
    documents["test_regression"].pop()
    await run(write_dump(documents))
    assert run.api.of("regression")[0].node.result == "pass"


async def test_no_secret_and_no_name_of_a_person_is_imported_or_reported(
    run: Run, write_dump: WriteDump, documents: Documents, tmp_path: Path
) -> None:
    await run(write_dump(documents))
    write_problems(run.checkpoint, tmp_path / "report.jsonl")
    report = (tmp_path / "report.jsonl").read_text()
    nodes = "".join(node.model_dump_json() for node in run.api.imported.values())
    assert [secret for secret in SECRETS if secret in nodes + report] == []
    assert hex_id(9002) not in run.api.imported
    assert "kci-api token create lab-a --scope runtime:lab-a" in report
    assert "scopes: nodes:write" in report
    assert (tmp_path / "report.jsonl").stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in report.splitlines()]
    assert len(lines) == len(list(run.checkpoint.problems()))


async def test_importing_the_same_dump_again_changes_nothing(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    folder = write_dump(documents)
    await run(folder)
    before = dict(run.api.imported)
    await run(folder)
    assert run.fates == {"unchanged": 16}
    assert run.api.imported == before


async def test_an_interrupted_import_continues(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    folder = write_dump(documents)
    for number in range(1, 12):
        run.api.die_at(number)
        try:
            await run(folder, batch=2)
        except KeyboardInterrupt:
            continue
        break
    assert len(run.api.imported) == 16
    assert run.fates["created"] == 16


async def test_for_missing_parents_one_of_the_same_name_or_a_placeholder_is_used(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    del documents["job"][0]
    documents["build"][1]["job_id"] = None
    del documents["build"][2]
    await run(write_dump(documents))
    assert run.parent(201) == hex_id(200)
    checkouts = {node.id: node for node in run.api.of("checkout")}
    (new_id,) = checkouts.keys() - {hex_id(200), hex_id(300)}
    assert run.parent(101) == new_id
    assert checkouts[new_id].node.data["kernel_revision"]["describe"] == "v5.1"
    build = run.api.imported[run.parent(310) or ""]
    assert build.node.kind == "kbuild"
    assert build.node.result is None
    assert build.node.parent == hex_id(300)
    assert build.node.data["arch"] == "arm64"
    assert {
        "not in the dump: a revision of the same name is used",
        "not in the dump: a placeholder checkout is created",
    } <= set(run.messages_of("build"))
    assert run.fates["orphan"] == 0


async def test_lost_documents_are_reported(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    documents["test_group"][1]["parent_id"] = oid(7777)
    documents["test_case"][1]["test_group_id"] = oid(7777)
    documents["error_logs"][0]["build_id"] = oid(7777)
    documents["test_case"].append({"_id": "no id", "status": "PASS", "log_lines": 7})
    documents["unknown"] = [{"_id": 1}, {"_id": 2}]
    documents["daily_stats"] = [{"_id": 1}]
    await run(write_dump(documents))
    assert run.parent(111) == hex_id(101)
    assert hex_id(220) not in run.api.imported
    messages = "\n".join(one.message for one in run.checkpoint.problems())
    assert f"it belongs to node {hex_id(7777)}" in messages
    assert "its build is not in the dump" in messages
    assert "left out: 2 documents: unknown collection" in messages
    assert "left out: 1 documents: they follow from the nodes" in messages
    assert "moved directly below its build" in messages
    assert run.fates["orphan"] == 2  # the test, and its regression
    assert run.fates["refused"] == 1


async def test_collections_with_older_names_are_imported(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    documents["defconfig"] = documents.pop("build")
    documents["test_suite"] = documents.pop("test_group")
    await run(write_dump(documents))
    assert run.parent(110) == hex_id(101)


REVISION = {"job": "mainline", "git_branch": "master", "kernel": "v5.1"}


async def test_a_boot_becomes_a_test(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    documents["boot"] = [
        {
            "_id": oid(500 + number),
            "build_id": oid(101),
            "status": status,
            **REVISION,
            "lab_name": "lab-a",
            "device_type": "b",
            "board": "b",
            "retries": number,
            "boot_log": "boot.txt",
            "file_server_resource": "x/1",
        }
        for number, status in enumerate(["PASS", "OFFLINE"])
    ]
    await run(write_dump(documents))
    good, offline = run.node(500).node, run.node(501).node
    assert (good.kind, good.name, good.result) == ("test", "boot", "pass")
    assert good.artifacts == {"lava_log": f"{STORAGE}/x/1/lab-a/boot.txt"}
    assert offline.result == "incomplete"
    assert offline.data["error_code"] == "Infrastructure"
    assert offline.retry_counter == 1


async def test_bisections_and_reports_become_processes(
    run: Run, write_dump: WriteDump, documents: Documents
) -> None:
    documents["bisect"] = [
        {
            "_id": oid(600),
            **REVISION,
            "good_commit": "a" * 40,
            "checks": {"x": "PASS"},
        }
    ]
    documents["report"] = [
        {
            "_id": oid(700),
            **REVISION,
            "type": "boot",
            "status": "SENT",
            "errors": [[550, "no such user carol@example.org"]],
        }
    ]
    await run(write_dump(documents))
    assert run.node(600).node.data["good"] == {"commit": "a" * 40}
    assert run.parent(600) == hex_id(100)
    assert run.node(700).node.data["report"] == {"status": "SENT", "type": "boot"}
    assert "carol" not in run.node(700).model_dump_json()
