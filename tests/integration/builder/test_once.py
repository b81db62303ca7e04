# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build in two programs: one without a secret builds, another one stores."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from integration.builder.conftest import DEFINITION, Bench
from integration.conftest import Serving
from kci_local.site import Site
from kci_shared.storage import Storage
from kci_shared.work.build import MARK, BuildFacts, BuildReport

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, serving: Serving) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("site")
    with serving(Site.open(state, PROJECT / "config", PROJECT / "var/cache")) as site:
        yield site


class Pod:
    """The two containers of a build's pod, without a cluster."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.folder = folder
        self.storage = site.url("storage")
        self.token = site.secrets.path("admin.token").read_text().strip()
        folder.mkdir()

    async def build(self, bench: Bench, **definition: object) -> str:
        """Build what the bench has; return what the program printed."""
        async with Storage.open(self.storage, self.token) as storage:
            url = await storage.put_file(bench.pack())
        asked = {**DEFINITION, **definition}
        order = {"name": "build/x", "tarball": url, "definition": asked}
        ended = self._run("kci-builder-once", KCI_ORDER=json.dumps(order))
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def deliver(self) -> subprocess.CompletedProcess[str]:
        settings = {"KCI_STORAGE_URL": self.storage, "KCI_TOKEN": self.token}
        return self._run("kci-builder-deliver", **settings)

    def report(self) -> BuildReport:
        """Deliver, and return the report as the bridge reads it."""
        (line,) = (s for s in self.deliver().stdout.splitlines() if MARK in s)
        return BuildReport.model_validate_json(line.removeprefix(MARK))

    def _run(self, program: str, **settings: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "KCI_FOLDER": str(self.folder), **settings}
        return subprocess.run(
            [BIN / program], env=env, text=True, stdout=-1, stderr=subprocess.STDOUT
        )


@pytest.fixture
def pod(site: Site, tmp_path: Path) -> Pod:
    return Pod(site, tmp_path / "pod")


async def test_two_programs_report_what_the_builder_reports(
    bench: Bench, pod: Pod
) -> None:
    fragments = {"one": "CONFIG_SERIAL=y\nCONFIG_NEW=y\n"}
    alone = await bench.run(fragments=fragments)
    printed = await pod.build(bench, fragments=fragments)
    report = pod.report()
    assert (report.result, alone.result) == ("pass", "pass")
    assert report.artifacts.keys() == alone.files.keys()
    assert report.needed == alone.needed
    facts = BuildFacts.model_validate(alone.data)
    assert report.facts is not None
    assert report.facts.model_copy(update={"duration": facts.duration}) == facts
    async with httpx.AsyncClient(trust_env=False) as http:
        kernel = (await http.get(report.artifacts["kernel"])).content
        log = (await http.get(report.artifacts["build_log"])).text
    assert kernel == alone.files["kernel"].read_bytes()
    assert log in printed, "kubectl logs shows the build"


async def test_a_broken_kernel_is_reported_with_exit_status_0(
    bench: Bench, pod: Pod
) -> None:
    bench.sources.write("init/main.c", "int main(void)\n{\n\treturn 0\n}\n")
    await pod.build(bench)
    report = pod.report()
    assert (report.result, report.error_code) == ("fail", None)
    assert str(report.error_msg).startswith("init/main.c:3:17: error: expected")
    assert "kernel" not in report.artifacts


async def test_a_build_that_cannot_begin_is_reported_without_artifacts(
    bench: Bench, pod: Pod
) -> None:
    await pod.build(bench, arch="sparc9")
    report = pod.report()
    assert (report.result, report.error_code) == ("incomplete", "invalid_job_params")
    assert (report.artifacts, report.facts) == ({}, None)


async def test_a_file_that_was_replaced_by_a_link_is_not_stored(
    bench: Bench, pod: Pod
) -> None:
    await pod.build(bench)
    kernel, secret = pod.folder / "artifacts/bzImage", pod.folder.parent / "secret"
    secret.write_text("the-secret")
    kernel.unlink()
    kernel.symlink_to(secret)
    ended = pod.deliver()
    assert ended.returncode == 1
    assert "'artifacts/bzImage' is not a plain file of the build" in ended.stdout
    assert MARK not in ended.stdout
    (pod.folder / "report.json").write_text("{")
    ended = pod.deliver()
    assert (ended.returncode, MARK in ended.stdout) == (1, False)
    assert "report.json: " in ended.stdout
