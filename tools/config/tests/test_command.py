# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command that looks at a configuration."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from kci_config.command import run

TEXT = """\
trees:
  demo: {url: 'https://git.example.org/demo.git', branches: {master: {}}}
builds:
  debian: {external: true, compiler: gcc-12, arch: {x86_64: cloud}}
tests:
  boot: {needs: build/debian, when: {kernel: '>=6.7'}}
  smoke: {needs: boot}
  both: {needs: [boot, smoke]}
platforms:
  pc: {arch: x86_64}
  board: {arch: arm64}
labs:
  here: {type: lava, platforms: [pc, board]}
  there: {type: lava, platforms: [pc], tests: ['b*']}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text(TEXT)
    return tmp_path


def run_command(*arguments: object) -> tuple[int, str]:
    out = StringIO()
    status = run([str(word) for word in arguments], Console(file=out, soft_wrap=True))
    return status, out.getvalue()


def test_check_counts_the_entries_of_a_valid_configuration(folder: Path) -> None:
    assert run_command("check", folder) == (
        0,
        "valid: 1 trees, 1 builds, 3 tests, 2 platforms, 2 labs\n",
    )


def test_check_lists_every_error_and_fails(folder: Path) -> None:
    (folder / "more.yaml").write_text("tests:\n  x: {needs: boots}\n  y: {needs: z}\n")
    status, text = run_command("check", folder)
    assert status == 1
    assert f"{folder}/more.yaml:2: test 'x' needs unknown 'boots'" in text
    assert "did you mean 'boot'?" in text
    assert text.endswith("2 errors\n")


def test_explain_shows_the_result_of_each_rule(folder: Path) -> None:
    status, text = run_command(
        "explain", folder, "demo/master", "smoke", "--kernel", "6.8"
    )
    assert status == 0
    assert text.splitlines() == [
        "smoke",
        "  yes build/gcc-12/x86_64/cloud: pc in here",
        "      yes the lab's tests: it takes *",
        "      yes arch: the platform is x86_64, the build x86_64",
        "      yes the test's needs: 'boot' runs here",
        "  no  build/gcc-12/x86_64/cloud: pc in there",
        "      no  the lab's tests: it takes b*",
        "      yes arch: the platform is x86_64, the build x86_64",
        "      yes the test's needs: 'boot' runs here",
        "  no  build/gcc-12/x86_64/cloud: board in here",
        "      yes the lab's tests: it takes *",
        "      no  arch: the platform is arm64, the build x86_64",
        "      no  the test's needs: 'boot' does not run here",
    ]


def test_explain_follows_the_needs(folder: Path) -> None:
    _, text = run_command("explain", folder, "demo/master", "smoke", "--kernel", "6.1")
    assert "no  the test's needs: 'boot' does not run here" in text
    assert "yes build" not in text


def test_a_second_need_may_be_met_in_another_lab(folder: Path) -> None:
    _, text = run_command("explain", folder, "demo/master", "both", "--kernel", "6.8")
    assert "yes build/gcc-12/x86_64/cloud: pc in there" in text


def test_explain_shows_all_tests_unless_one_is_named(folder: Path) -> None:
    _, text = run_command("explain", folder, "demo/master", "--kernel", "6.8")
    assert text.splitlines() == [
        "yes boot: pc in here, pc in there",
        "yes smoke: pc in here",
        "yes both: pc in here, pc in there",
    ]
    _, text = run_command("explain", folder, "demo/master")
    assert text.startswith("no  boot: the test's when.kernel: must be >=6.7, but the")


def test_explain_looks_at_one_platform(folder: Path) -> None:
    _, text = run_command(
        "explain", folder, "demo/master", "boot", "--platform", "board"
    )
    assert "pc in here" not in text
    assert "board in here" in text
    status, text = run_command("explain", folder, "demo/master", "--platform", "bord")
    assert (status, text) == (1, "unknown 'bord'; did you mean 'board'?\n")


def test_diff_shows_what_is_gained_and_lost(folder: Path, tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-new"
    other.mkdir()
    changed = TEXT.replace("'>=6.7'", "'>=6.8'").replace("['b*']", "['both', 'boot']")
    (other / "all.yaml").write_text(
        changed.replace("gcc-12,", "[gcc-12, gcc-13],").replace("external: true, ", "")
    )
    status, text = run_command("diff", folder, other)
    assert status == 0
    lines = text.splitlines()
    boot = "boot of build/gcc-12/x86_64/cloud on pc in here if kernel"
    branches = "demo/master and 1 more"
    assert f"- {boot} >=6.7: {branches}" in lines
    assert f"+ {boot} >=6.8: {branches}" in lines
    assert f"+ build/gcc-13/x86_64/cloud: {branches}" in lines
    assert f"+ smoke of build/gcc-13/x86_64/cloud on pc in here: {branches}" in lines
    assert run_command("diff", folder, folder) == (
        0,
        "0 gained, 0 lost, on all branches\n",
    )


def test_the_graph_draws_the_needs(folder: Path) -> None:
    _, text = run_command("graph", folder)
    assert text.startswith("flowchart LR\n")
    assert '  b0["build/debian"]\n' in text
    assert "  b0 --> t0\n  t0 --> t1\n  t0 --> t2\n  t1 -.-> t2\n" in text


def test_a_branch_that_is_not_watched_is_explained_too(folder: Path) -> None:
    status, text = run_command("explain", folder, "demo/next", "boot")
    assert status == 0
    assert "demo/next is not watched" in text


def test_an_unknown_test_is_an_error(folder: Path) -> None:
    status, text = run_command("explain", folder, "demo/master", "smok")
    assert (status, text) == (1, "unknown 'smok'; did you mean 'smoke'?\n")


@pytest.mark.parametrize(
    "arguments", [["explain", ".", "demo"], ["explain", ".", "a/b", "--kernel", "new"]]
)
def test_malformed_arguments_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_command(*arguments)
    assert "not " in capsys.readouterr().err
