# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

from kci_shared.work.workspace import RunName, Workspace, left_behind


def test_a_life_that_ends_well_leaves_nothing(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace, workspace.run("65f0", 1) as folder:
        (folder / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_a_living_bridges_folder_is_not_left_behind(tmp_path: Path) -> None:
    with Workspace.open(tmp_path), Workspace.open(tmp_path):
        assert left_behind(tmp_path) == []


def test_what_nobody_locks_was_left_by_a_killed_bridge(tmp_path: Path) -> None:
    dead = tmp_path / "life-dead"
    dead.mkdir()
    with Workspace.open(tmp_path):
        assert left_behind(tmp_path) == [dead]


def test_nothing_is_left_behind_where_nobody_ever_was(tmp_path: Path) -> None:
    assert left_behind(tmp_path / "none") == []


def test_looking_for_dead_lives_leaks_no_descriptors(tmp_path: Path) -> None:
    with Workspace.open(tmp_path):
        before = _descriptors()
        for _ in range(5):
            left_behind(tmp_path)
        assert _descriptors() == before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_name_of_a_runs_folder_says_whose_it_is(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace, workspace.run("65f0", 2) as folder:
        assert RunName.parse(folder.name) == ("65f0", 2)
    assert RunName.parse("check") is None
