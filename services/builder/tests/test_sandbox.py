# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import pytest

from kci_builder.build_folder import BuildFolder
from kci_builder.log import CUT, BuildLog
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
async def test_the_sandbox_is_the_one_of_its_mode_as_far_as_it_works(
    mode: SandboxMode, works: bool, is_isolated: bool
) -> None:
    async def try_out(_: Sandbox) -> bool:
        return works

    assert (await choose(mode, try_out)).is_isolated is is_isolated


async def test_a_sandbox_that_must_be_and_does_not_work_ends_the_builder() -> None:
    async def never(_: Sandbox) -> bool:
        return False

    with pytest.raises(ConfigError, match="install bubblewrap"):
        await choose(SandboxMode.BWRAP, never)


def test_what_others_use_may_be_written_only_if_it_is_said(tmp_path: Path) -> None:
    box, cache = tmp_path / "box", tmp_path / "cache"
    for may_write, how in ((True, "--bind"), (False, "--ro-bind")):
        words = _bubblewrap(Mounts(box, cache, may_write))
        assert words[words.index(str(cache)) - 1] == how
        assert words[words.index(str(box)) - 1] == "--bind"


def test_a_box_gives_plain_files_of_its_own_and_nothing_else(tmp_path: Path) -> None:
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


def test_what_is_put_into_a_box_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    box = BuildFolder(tmp_path / "box")
    names = {box.put("text") for _ in range(3)}
    assert len(names) == 3
    assert {box.text(name) for name in names} == {"text"}


def test_a_log_is_cut_and_its_end_is_known(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 10, tmp_path) as log:
        for word in (b"begin ", b"middle ", b"the end\n"):
            log.feed(word)
        assert log.last_line() == "begin middle the end"
    assert (tmp_path / "log").read_bytes() == b"begin midd" + CUT


def test_a_log_names_files_from_the_top_of_the_sources(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 1000, Path("/box/src")) as log:
        for word in (b"/box/s", b"rc/init/main.c:1:2: error\n/box/", b"src/a.c\n"):
            log.feed(word)
        log.feed(b"In file included from ../src/b.c:1:\ntools/../src/c.c\nend")
    assert (tmp_path / "log").read_text() == (
        "init/main.c:1:2: error\na.c\n"
        "In file included from b.c:1:\ntools/../src/c.c\nend"
    )


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 1 << 20, tmp_path) as log:
        log.feed(b"x" * 100_000)
        assert log.tail() == "x" * 100_000
