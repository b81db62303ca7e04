# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkouts by real git: what is read from a commit, and what goes wrong."""

import tarfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kci_fakes.repository import Repository
from kci_shared.config import Config
from kci_shared.models import NODE, ErrorCode, Node, Result, State
from kci_shared.work import LabJob, RunOutcome
from kci_trigger import patches, sources
from kci_trigger.git import Git
from kci_trigger.settings import Settings
from kci_trigger.sources import Sources

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PATCH = """\
From: Dev <dev@example.org>
Subject: [PATCH] init: succeed better

--- a/init/main.c
+++ b/init/main.c
@@ -1,4 +1,4 @@
 int main(void)
 {
-\treturn 0;
+\treturn 1 - 1;
 }
"""


class Patches:
    """The storage, as far as patches go."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    async def stream(self, url: str) -> AsyncIterator[bytes]:
        yield self.texts[url]


class Bench:
    """Makes checkouts as a bridge would."""

    def __init__(self, folder: Path, url: str) -> None:
        folders: dict[str, Any] = {"cache": folder / "cache", "config": folder}
        self.settings = Settings(
            api_url="http://a", token="t", storage_url="http://s", **folders
        )
        branches: dict[str, dict[str, str]] = {"master": {}}
        trees = {"mine": {"url": url, "branches": branches}}
        self.config = Config.model_validate({"trees": trees})
        self.storage = Patches()
        self.folder = folder
        self.revision = {"tree": "mine", "url": url, "branch": "master"}
        self._runs = 0

    @property
    def mirror(self) -> Path:
        return self.settings.mirrors / "mine.git"

    async def run(self, commit: str, *texts: bytes, **changes: str) -> RunOutcome:
        git = Git(["file"], self.settings.max_bytes)
        maker = Sources(lambda: self.config, git, self.storage, self.settings)  # type: ignore[arg-type]
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        return await maker.run(LabJob(self._node(commit, texts, changes), 1, folder))

    def _node(
        self, commit: str, texts: Sequence[bytes], changes: dict[str, str]
    ) -> Node:
        revision = {**self.revision, "commit": commit, **changes}
        artifacts = {f"patch{n}": f"http://s/{n}" for n in range(len(texts))}
        self.storage.texts = dict(zip(artifacts.values(), texts, strict=True))
        if texts:
            revision["patchset"] = patches.digest(texts)
        return NODE.validate_python(
            {"id": "65f000000000000000000001", "kind": "checkout", "name": "checkout"}
            | {"owner": "me", "created": NOW, "updated": NOW, "artifacts": artifacts}
            | {"data": {"kernel_revision": revision}}
        )


@pytest.fixture
def bench(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    monkeypatch.setattr(sources, "FETCH_ATTEMPTS", 1)
    return Bench(tmp_path, repository.url)


def content(outcome: RunOutcome, name: str) -> str:
    with tarfile.open(outcome.files["tarball"]) as archive:
        [member] = [m for m in archive if m.name.endswith(f"/{name}")]
        file = archive.extractfile(member)
        assert file is not None
        return file.read().decode()


async def test_a_commit_is_described_and_packed(
    bench: Bench, repository: Repository
) -> None:
    repository.commit("init: begin")
    repository.git("tag", "-a", "v6.12.3", "-m", "Linux 6.12.3")
    commit = repository.commit("init: go \x1b[31m on")
    repository.git("tag", "-a", "tested", "-m", "tested")
    outcome = await bench.run(commit)
    assert (outcome.result, outcome.state) == (Result.PASS, State.AVAILABLE)
    assert outcome.data["kernel_revision"] == {
        **bench.revision,
        "commit": commit,
        "describe": "tested",
        "version": {"version": 6, "patchlevel": 12, "sublevel": 3}
        | {"extra": None, "name": None},
        "commit_tags": ["tested"],
        "commit_message": "init: go  on",
        "tip_of_branch": True,
    }
    assert outcome.files["tarball"].name == f"linux-{commit[:12]}.tar.gz"
    assert content(outcome, "Makefile").startswith("# a kernel")


async def test_the_same_commit_gives_the_same_tarball(
    bench: Bench, repository: Repository
) -> None:
    commit = repository.commit("init: begin")
    first = await bench.run(commit)
    repository.commit("init: go on")
    second = await bench.run(commit)
    assert second.data["kernel_revision"]["tip_of_branch"] is False
    files = [outcome.files["tarball"].read_bytes() for outcome in (first, second)]
    assert files[0] == files[1]


async def test_a_commit_that_was_pushed_away_is_had_as_long_as_the_remote_has_it(
    bench: Bench, repository: Repository
) -> None:
    first = repository.commit("init: begin")
    lost = repository.commit("init: wrong")
    repository.git("reset", "--quiet", "--hard", first)
    assert (await bench.run(lost)).state is State.AVAILABLE
    outcome = await bench.run("0" * 40)
    assert (outcome.result, outcome.state) == (Result.FAIL, State.DONE)
    assert outcome.error_code == ErrorCode.GIT_CHECKOUT_FAILURE
    assert f"{'0' * 40} is not in master of" in str(outcome.error_msg)


@pytest.mark.parametrize("damage", ["objects", "head", "lock", "ref"])
async def test_a_damaged_mirror_is_repaired(
    bench: Bench, repository: Repository, damage: str
) -> None:
    commit = repository.commit("init: begin")
    await bench.run(commit)
    match damage:
        case "objects":
            for pack in bench.mirror.glob("objects/??/*"):
                pack.chmod(0o600)
                pack.write_bytes(b"not what it was")
            for pack in bench.mirror.glob("objects/pack/*"):
                pack.unlink()
        case "head":
            (bench.mirror / "HEAD").write_text("nonsense")
        case "lock":
            (bench.mirror / "refs/heads/master.lock").touch()
        case "ref":
            (bench.mirror / "refs/heads/master").write_text("7" * 40 + "\n")
        case _:
            raise AssertionError(damage)
    outcome = await bench.run(repository.commit("init: go on"))
    assert (outcome.error_msg, outcome.state) == (None, State.AVAILABLE)


async def test_a_remote_that_is_away_is_nobodys_fault(
    bench: Bench, repository: Repository
) -> None:
    commit = repository.commit("init: begin")
    repository.folder.rename(repository.folder.with_name("gone"))
    outcome = await bench.run(commit)
    assert outcome.result is Result.INCOMPLETE
    assert outcome.error_code == ErrorCode.GIT_CHECKOUT_FAILURE


async def test_what_is_not_configured_is_never_contacted(
    bench: Bench, repository: Repository
) -> None:
    commit = repository.commit("init: begin")
    for changes in (
        {"url": "https://elsewhere.example.org/linux.git"},
        {"tree": "yours"},
        {"branch": "--upload-pack=touch /tmp/x"},
        {"commit": "--output=/tmp/x"},
    ):
        outcome = await bench.run(**{"commit": commit, **changes})
        assert outcome.result is Result.FAIL
        assert "data.kernel_revision" in str(outcome.error_msg) or "configured" in str(
            outcome.error_msg
        )
    assert not bench.settings.mirrors.exists()


async def test_nothing_that_a_repository_says_is_run(
    bench: Bench, repository: Repository, tmp_path: Path
) -> None:
    proof = tmp_path / "was-run"
    repository.write(".gitattributes", "* filter=evil export-subst\n")
    hook = repository.folder / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {proof}\n")
    hook.chmod(0o755)
    (repository.folder / "link").symlink_to("/etc/passwd")
    commit = repository.commit("init: begin")
    await bench.run(commit)
    assert not proof.exists()


async def test_patches_are_applied_and_packed_always_the_same(
    bench: Bench, repository: Repository
) -> None:
    commit = repository.commit("init: begin")
    outcomes = [await bench.run(commit, PATCH.encode()) for _ in range(2)]
    assert [outcome.error_msg for outcome in outcomes] == [None, None]
    assert "return 1 - 1;" in content(outcomes[0], "init/main.c")
    first, second = (one.files["tarball"].read_bytes() for one in outcomes)
    assert first == second
    objects = len(list(bench.mirror.rglob("objects/*/*")))
    await bench.run(commit, PATCH.replace("1 - 1", "2 - 2").encode())
    assert len(list(bench.mirror.rglob("objects/*/*"))) == objects


SYMLINK = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n"
SYMLINK += "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (PATCH.replace("return 0", "return 7"), "patch 0 does not apply"),
        (SYMLINK, "file mode 120000"),
        (PATCH.replace("a/init", "a/../init").replace("b/init", "b/../init"), "leaves"),
        (PATCH.replace("init/main.c", ".git/hooks/x"), "git's own files"),
        (PATCH.replace("init/main.c", "init/link/passwd"), "does not apply"),
    ],
)
async def test_a_patch_that_is_refused_says_why(
    bench: Bench, repository: Repository, patch: str, reason: str
) -> None:
    (repository.folder / "init").mkdir(exist_ok=True)
    (repository.folder / "init/link").symlink_to("/etc")
    commit = repository.commit("init: begin")
    outcome = await bench.run(commit, patch.encode())
    assert outcome.result is Result.FAIL
    assert reason in str(outcome.error_msg)


async def test_what_the_text_hides_is_seen_in_the_result(
    bench: Bench, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "_refusal", lambda _: None)
    commit = repository.commit("init: begin")
    outcome = await bench.run(commit, SYMLINK.encode())
    assert "would not be a plain file" in str(outcome.error_msg)
