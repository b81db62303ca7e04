# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command that looks at a configuration."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from kci_scheduler.command import run

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


def told(*arguments: object) -> tuple[int, str]:
    out = StringIO()
    status = run([str(word) for word in arguments], Console(file=out, soft_wrap=True))
    return status, out.getvalue()


def test_check_tells_what_there_is(folder: Path) -> None:
    assert told("check", folder) == (
        0,
        "right: 1 trees, 1 builds, 3 tests, 2 platforms, 2 labs\n",
    )


def test_check_tells_every_mistake_and_fails(folder: Path) -> None:
    (folder / "more.yaml").write_text("tests:\n  x: {needs: boots}\n  y: {needs: z}\n")
    status, text = told("check", folder)
    assert status == 1
    assert f"{folder}/more.yaml:2: test 'x' needs 'boots'" in text
    assert "did you mean 'boot'?" in text
    assert text.endswith("2 wrong\n")


def test_explain_tells_where_a_test_runs_and_why_not_elsewhere(folder: Path) -> None:
    status, text = told("explain", folder, "demo/master", "smoke", "--kernel", "6.8")
    assert status == 0
    assert "yes pc in here" in text
    assert "no  board in here: the platform is arm64, the build x86_64" in text
    assert "no  pc in there: the lab takes only b*" in text


def test_explain_follows_the_needs(folder: Path) -> None:
    _, text = told("explain", folder, "demo/master", "smoke", "--kernel", "6.1")
    assert "no  pc in here: 'boot', which it needs, does not run here" in text


def test_a_second_need_may_be_met_in_another_lab(folder: Path) -> None:
    _, text = told("explain", folder, "demo/master", "both", "--kernel", "6.8")
    assert "yes pc in there" in text


def test_explain_shows_all_tests_unless_one_is_named(folder: Path) -> None:
    _, text = told("explain", folder, "demo/master")
    assert "the version is not known" in text
    assert [line for line in text.splitlines() if line[0].isalpha()] == [
        "boot",
        "smoke",
        "both",
    ]


def test_a_branch_that_is_not_watched_is_explained_all_the_same(folder: Path) -> None:
    status, text = told("explain", folder, "demo/next", "boot")
    assert status == 0
    assert "demo/next is not watched" in text


def test_a_test_that_there_is_not_is_a_mistake(folder: Path) -> None:
    status, text = told("explain", folder, "demo/master", "smok")
    assert (status, text) == (1, "no test 'smok'; did you mean 'smoke'?\n")


@pytest.mark.parametrize(
    "arguments", [["explain", ".", "demo"], ["explain", ".", "a/b", "--kernel", "new"]]
)
def test_arguments_that_make_no_sense_are_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        told(*arguments)
    assert "write '" in capsys.readouterr().err
