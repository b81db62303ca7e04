# SPDX-License-Identifier: LGPL-2.1-or-later
"""A configuration that changes while it is in use."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from kci_shared.config.watch import WatchedConfig
from kci_shared.errors import ConfigError

RIGHT = "platforms: {board: {}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(RIGHT)
    return tmp_path


async def looked(watched: WatchedConfig) -> list[str]:
    """Look until what was written has been seen to be finished."""
    for _ in range(2):
        await watched.look()
    return list(watched.get().platforms)


def in_force() -> float | None:
    return REGISTRY.get_sample_value("kci_config_right")


async def test_what_is_written_is_in_force_without_a_restart(folder: Path) -> None:
    watched = WatchedConfig(folder)
    (folder / "b.yaml").write_text("platforms: {pc: {}}")
    assert await looked(watched) == ["board", "pc"]
    (folder / "b.yaml").unlink()
    assert await looked(watched) == ["board"]


async def test_what_is_wrong_is_refused_and_the_last_that_was_right_stays(
    folder: Path,
) -> None:
    watched = WatchedConfig(folder)
    (folder / "a.yaml").write_text("plattforms: {pc: {}}")
    assert await looked(watched) == ["board"]
    assert "a.yaml:1: the configuration has an unknown key" in watched.problem
    assert in_force() == 0
    (folder / "a.yaml").write_text("platforms: {pc: {}}")
    assert await looked(watched) == ["pc"]
    assert (watched.problem, in_force()) == ("", 1)


async def test_a_wrong_file_that_is_put_back_is_right_again(folder: Path) -> None:
    watched = WatchedConfig(folder)
    (folder / "b.yaml").write_text("x: y")
    await looked(watched)
    assert watched.problem
    (folder / "b.yaml").unlink()
    await looked(watched)
    assert not watched.problem


async def test_nothing_is_read_while_somebody_is_writing(folder: Path) -> None:
    watched = WatchedConfig(folder)
    (folder / "a.yaml").write_text("platforms: {pc")
    await watched.look()
    assert not watched.problem
    (folder / "a.yaml").write_text("platforms: {pc: {}}")
    assert await looked(watched) == ["pc"]


async def test_watching_ends_when_it_is_told_to(folder: Path) -> None:
    watched, stop = WatchedConfig(folder), asyncio.Event()
    watching = asyncio.create_task(watched.watch(0.001, stop))
    (folder / "a.yaml").write_text("platforms: {pc: {}}")
    while list(watched.get().platforms) != ["pc"]:
        await asyncio.sleep(0.001)
    stop.set()
    await watching


def test_what_is_wrong_from_the_start_is_an_error(folder: Path) -> None:
    (folder / "a.yaml").write_text("x: y")
    with pytest.raises(ConfigError, match=r"a\.yaml:1"):
        WatchedConfig(folder)
