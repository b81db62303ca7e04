# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import pytest

from kci_builder.build_folder import BuildFolder
from kci_builder.build_log import CUT, BuildLog
from kci_builder.sandbox import Mounts, Sandbox, _bubblewrap, choose
from kci_builder.settings import SandboxMode
from kci_shared.errors import ConfigError


@pytest.mark.parametrize(
    ("mode", "works", "is_isolated"),
    [
        (SandboxMode.AUTO, True, True),
        (SandboxMode.AUTO, False, False),
        (SandboxMode.NONE, True, False),
    ],
)
async def test_auto_takes_the_sandbox_if_it_works(
    mode: SandboxMode, works: bool, is_isolated: bool
) -> None:
    async def try_out(_: Sandbox) -> bool:
        return works

    assert (await choose(mode, try_out)).is_isolated is is_isolated


async def test_a_required_sandbox_that_does_not_work_is_an_error() -> None:
    async def never(_: Sandbox) -> bool:
        return False

    with pytest.raises(ConfigError, match="install bubblewrap"):
        await choose(SandboxMode.BWRAP, never)


def test_the_shared_cache_is_read_only_unless_it_may_be_written(tmp_path: Path) -> None:
    box, cache = tmp_path / "box", tmp_path / "cache"
    for may_write, how in ((True, "--bind"), (False, "--ro-bind")):
        words = _bubblewrap(Mounts(box, cache, may_write))
        assert words[words.index(str(cache)) - 1] == how
        assert words[words.index(str(box)) - 1] == "--bind"


def test_only_plain_files_inside_the_build_folder_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    (tmp_path / "box").mkdir()
    box = BuildFolder(tmp_path / "box")
    (box.path / "plain").write_text("p")
    (box.path / "link").symlink_to(secret)
    (box.path / "out").symlink_to(tmp_path)
    (box.path / "loop").symlink_to("loop")
    (box.path / "inner").symlink_to("plain")
    assert box.text("plain") == "p"
    for name in ("link", "out/secret", "../secret", "loop", "none", "."):
        assert box.find(name) is None
    assert not box.has_folder("out")
    taken = box.take("inner", tmp_path / "taken")
    assert taken is not None
    assert taken.read_text() == "p"


def test_a_new_file_in_the_build_folder_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    box = BuildFolder(tmp_path / "box")
    names = {box.put("text") for _ in range(3)}
    assert len(names) == 3
    assert {box.text(name) for name in names} == {"text"}


def test_a_log_is_cut_and_its_tail_is_kept_in_memory(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 10, tmp_path) as log:
        for word in (b"begin ", b"middle ", b"the end\n"):
            log.feed(word)
        assert log.last_line() == "begin middle the end"
    assert (tmp_path / "log").read_bytes() == b"begin midd" + CUT


def test_paths_in_a_log_start_at_the_top_of_the_sources(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 1000, Path("/box/src")) as log:
        for word in (b"/box/s", b"rc/init/main.c:1:2: error\n/box/", b"src/a.c\n"):
            log.feed(word)
        log.feed(b"In file included from ../src/b.c:1:\ntools/../src/c.c\nend")
    assert (tmp_path / "log").read_text() == (
        "init/main.c:1:2: error\na.c\n"
        "In file included from b.c:1:\ntools/../src/c.c\nend"
    )


def test_a_very_long_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 1 << 20, tmp_path) as log:
        log.feed(b"x" * 100_000)
        assert log.tail() == "x" * 100_000
