# SPDX-License-Identifier: LGPL-2.1-or-later
"""KernelCI's configuration in our words."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from kci_config.command import run
from kci_config.upstream import Report, Upstream, translate, write
from kci_shared.config import Config, Need, Placement, Placements, load
from kci_shared.errors import ConfigError

TREES = """\
trees: {mainline: {url: 'https://git.example.org/linux.git'}}
build_configs:
  mainline: {tree: mainline, branch: master, priority: high}
  arm64: {tree: mainline, branch: for-next/core, architectures: [arm64], frequency: 1d}
"""
JOBS = """\
_anchors:
  kbuild: &kbuild {template: kbuild.jinja2, kind: kbuild}
fragments: {kselftest: {configs: [CONFIG_A=y, CONFIG_B=m]}}
rootfs: {trixie: {nfsroot: 'https://storage.example.org/{debarch}/full'}}
jobs:
  kbuild-arm64:
    <<: *kbuild
    image: gcc-14:arm64
    priority: high
    params:
      {backend: tuxmake, arch: arm64, compiler: gcc-14, defconfig: defconfig,
       fragments: [kselftest, CONFIG_C=y]}
    rules:
      tree: ['!android', '!mainline:old']
      min_version: {version: 6, patchlevel: 1}
  kbuild-i386:
    <<: *kbuild
    params: {arch: i386, compiler: gcc-14, defconfig: i386_defconfig}
  baseline: {template: baseline.jinja2, kind: job, kcidb_test_suite: boot}
  dt:
    template: generic.jinja2
    kind: job
    params: {collections: dt, job_timeout: 10, rootfs_ref: trixie, nested: {a: 1}}
    rules: {min_version: {version: 6, patchlevel: 7}, fragments: [kselftest]}
  kver: {template: kver.jinja2, kind: job}
  after: {template: after.jinja2, kind: process}
"""
LABS = """\
platforms:
  pi: {arch: arm64, boot_method: u-boot, dtb: dtbs/acme/pi.dtb, base_name: pi-4}
  pc: {arch: x86_64, boot_method: grub}
  kubernetes:
runtimes:
  broonie:
    lab_type: lava
    url: https://lava.example.org/
    priority_min: 10
    priority_max: 50
    max_queue_depth: 40
    notify: {callback: {token: kernelci-callback}}
  pull: {lab_type: pull_labs}
  k8s: {lab_type: kubernetes}
  shell: {lab_type: shell}
scheduler:
  - job: kbuild-arm64
    event: &out {kind: checkout, state: available}
    runtime: {name: k8s}
  - {job: kbuild-i386, event: *out, runtime: {name: k8s}}
  - job: baseline
    event: &arm {channel: node, kind: kbuild, name: kbuild-arm64, state: available}
    runtime: {type: lava, name: broonie}
    platforms: [pi]
  - {job: baseline, event: *arm, runtime: {name: pull}, platforms: [pi]}
  - job: baseline
    event: {kind: kbuild, name: kbuild-i386, state: available}
    runtime: {name: broonie}
    platforms: [pc]
  - {job: dt, event: *arm, runtime: {name: broonie}, platforms: [pi]}
  - {job: kver, event: *out, runtime: {type: shell}}
  - job: after
    event: {kind: job, name: dt, state: done}
    runtime: {type: shell}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("trees", TREES), ("jobs", JOBS), ("labs", LABS)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def imported(folder: Path) -> tuple[Config, Report]:
    report = Report()
    made = translate(Upstream.read(folder, report), report)
    write(made, folder.with_name(f"{folder.name}-ours"))
    return load(folder.with_name(f"{folder.name}-ours")), report


def findings_of(report: Report) -> dict[str, list[str]]:
    by_category: dict[str, list[str]] = {}
    for category, what in report.findings:
        by_category.setdefault(category, []).append(what)
    return by_category


def add(folder: Path, text: str) -> None:
    (folder / "z-more.yaml").write_text(text)


def test_trees_and_branches_come_over(folder: Path) -> None:
    config, _ = imported(folder)
    tree = config.trees["mainline"]
    assert tree.branches["master"].priority == "high"
    branch = tree.branches["for-next/core"]
    assert (branch.arch, branch.every) == (["arm64"], 86400)


def test_a_job_that_builds_is_a_build(folder: Path) -> None:
    config, _ = imported(folder)
    build = config.builds["kbuild-arm64"]
    assert list(config.built) == [
        "build/gcc-14/arm64/defconfig+kselftest+CONFIG_C=y",
        "build/gcc-14/i386/i386_defconfig",
    ]
    assert (build.run, build.image, build.priority) == ("k8s", "gcc-14:arm64", "high")
    assert build.when.kernel == ">=6.1"
    assert config.fragments["kselftest"] == "CONFIG_A=y\nCONFIG_B=m"


def test_a_rule_about_what_is_not_defined_is_left_out_and_told(folder: Path) -> None:
    config, report = imported(folder)
    assert config.builds["kbuild-arm64"].when.tree == ["!mainline:old"]
    assert "a rule names undefined tree 'android'" in findings_of(report)["broken"]


def test_a_test_has_its_parameters_and_its_rules(folder: Path) -> None:
    config, _ = imported(folder)
    test = config.tests["dt"]
    assert test.needs == {"build/kbuild-arm64": Need.PASS}
    assert (test.template, test.timeout, test.rootfs) == ("generic", 600, "trixie")
    assert test.params == {"collections": "dt", "nested": '{"a": 1}'}
    assert (test.when.kernel, test.when.fragments) == (">=6.7", ["kselftest"])
    assert config.rootfs["trixie"].nfsroot == (
        "https://storage.example.org/{{debian}}/full"
    )


def test_each_pair_of_job_and_platform_comes_over_and_no_other(folder: Path) -> None:
    config, report = imported(folder)
    placements = Placements(config)
    assert [one for test in config.tests for one in placements.of(test)] == [
        Placement("baseline", "broonie", "pi"),
        Placement("baseline", "pull", "pi"),
        Placement("baseline--kbuild-i386", "broonie", "pc"),
        Placement("dt", "broonie", "pi"),
        Placement("kver", "shell", "shell"),
        Placement("after", "shell", "shell"),
    ]
    assert (report.pairs, report.pairs_kept) == (8, 8)
    assert config.tests["kver"].needs == {"checkout": Need.PASS}
    assert config.tests["after"].needs == {"dt": Need.DONE}


def test_a_platform_boots_what_it_was_given(folder: Path) -> None:
    config, report = imported(folder)
    assert config.platforms["pc"].arch == ["x86_64", "i386"]
    assert "platform 'pc' boots kernels of i386, too" in findings_of(report)["changed"]
    assert config.platforms["pi"].dtb == "acme/pi.dtb"
    assert config.platforms["pi"].params == {"device_type": "pi-4"}


def test_a_lab_keeps_its_address_priorities_and_token_name(folder: Path) -> None:
    lab = imported(folder)[0].labs["broonie"]
    assert (lab.url, lab.priority) == ("https://lava.example.org/", (10, 50))
    assert (lab.queue, lab.callback_token) == (40, "kernelci-callback")


@pytest.mark.parametrize(
    ("entry", "lost", "reason"),
    [
        (
            "{job: x, event: {kind: checkout}, runtime: {name: k8s}}",
            1,
            "job 'x' is not",
        ),
        (
            "{job: dt, event: {kind: kbuild, name: kbuild-arm64, state: available},"
            " runtime: {name: gone}, platforms: [pi, pc]}",
            2,
            "runtime 'gone' is not defined",
        ),
        (
            "{job: dt, event: {kind: kbuild, name: kbuild-arm64, state: available},"
            " runtime: {name: broonie}, platforms: [gone]}",
            1,
            "platform 'gone' is not defined",
        ),
        (
            "{job: dt, event: {kind: kbuild, name: kbuild-arm64, state: available},"
            " runtime: {name: broonie}, platforms: [pi]}",
            1,
            "a duplicate entry",
        ),
        (
            "{job: dt, event: {kind: kbuild, name: kbuild-arm}, runtime: {name: k8s}}",
            1,
            "it follows undefined build 'kbuild-arm'",
        ),
        (
            "{job: dt, event: {kind: kbuild, state: done}, runtime: {name: k8s}}",
            1,
            "it follows every kbuild",
        ),
        (
            "{job: dt, event: {kind: job, name: x}, runtime: {name: k8s}}",
            1,
            "it follows undefined job 'x'",
        ),
        (
            "{job: kver, event: {kind: checkout}, runtime: {type: docker}}",
            1,
            "no runtime is of type 'docker'",
        ),
        (
            "{job: kver, event: {kind: checkout}, runtime: {name: k8s},"
            " rules: {tree: [gone]}}",
            1,
            "every tree that it allows is undefined",
        ),
        (
            "{job: kbuild-arm64, event: {kind: checkout}, runtime: {name: k8s}}",
            1,
            "a duplicate entry",
        ),
        (
            "{job: kbuild-arm64, event: {kind: kbuild, name: x}, runtime: {name: k8s}}",
            1,
            "a build that follows something other than a checkout",
        ),
    ],
)
def test_what_is_broken_is_left_out_and_told_with_its_place(
    folder: Path, entry: str, lost: int, reason: str
) -> None:
    add(folder, f"scheduler:\n  - {entry}\n")
    _, report = imported(folder)
    assert report.pairs - report.pairs_kept == lost
    [found] = [what for what in report.pairs_lost if what.startswith(reason)]
    places = next(
        where for (_, what), where in report.findings.items() if what == found
    )
    assert "z-more.yaml:2" in places[-1] or "dt on pi in broonie" in places[0]


def test_other_mistakes_of_the_original_are_told(folder: Path) -> None:
    add(
        folder,
        "jobs: {dt: {template: x, kind: job}, idle: {template: y}}\n"
        "build_configs: {a: {tree: gone, branch: x}, b: {tree: mainline,"
        " branch: master}, c: {tree: mainline, branch: 'https://x/y'}}\n"
        "platforms: {a: {arch: arm, arch: arm64}}\nstrange: {}\n",
    )
    _, report = imported(folder)
    found = findings_of(report)
    assert "jobs.dt is defined in two files; the later one counts" in found["broken"]
    assert "duplicate key 'arch'; the later one counts" in found["broken"]
    assert "tree 'gone' is not defined" in found["broken"]
    assert "mainline/master is watched twice" in found["broken"]
    assert "a branch given by an address" in found["left out"]
    assert "a job that no entry runs" in found["left out"]
    assert "unknown section 'strange'" in found["left out"]


@pytest.mark.parametrize(
    "text", ["a: !!python/name:os.system x", "a: {", "\x00", "a: *b", "a: &b [*b"]
)
def test_what_is_not_plain_yaml_is_refused(folder: Path, text: str) -> None:
    add(folder, text)
    with pytest.raises(ConfigError, match=r"z-more\.yaml: not YAML"):
        imported(folder)


@pytest.mark.parametrize(
    "text", ["- a", "jobs: [a]", "scheduler: [a, {}]", "jobs: {a: 1}"]
)
def test_what_is_something_else_is_left_aside(folder: Path, text: str) -> None:
    add(folder, text)
    assert imported(folder)[1].pairs_kept == 8


def test_the_command_tells_the_balance_and_writes_what_is_right(folder: Path) -> None:
    out = StringIO()
    console = Console(file=out, soft_wrap=True)
    ours = folder.with_name(f"{folder.name}-out")
    command = ["import-upstream", str(folder), "--out", str(ours)]
    assert run(command, console) == 0
    assert "8 of 8 (job x platform) pairs translated" in out.getvalue()
    assert run(["check", str(ours)], console) == 0
    assert run(command, console) == 1
    assert "not empty; name another folder" in out.getvalue()
    written: dict[str, Any] = yaml.safe_load((ours / "labs" / "pull.yaml").read_text())
    assert written["labs"]["pull"]["platforms"] == {"pi": {"tests": ["baseline"]}}
