# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import pytest

from kci_builder.build_folder import Box
from kci_builder.log import CUT, BuildLog
from kci_builder.sandbox import Place, Sandbox, choose
from kci_builder.settings import Fence
from kci_shared.errors import ConfigError


@pytest.mark.parametrize(
    ("wanted", "works", "is_closed"),
    [(Fence.AUTO, True, True), (Fence.AUTO, False, False), (Fence.NONE, True, False)],
)
async def test_the_sandbox_is_what_is_wanted_as_far_as_it_works(
    wanted: Fence, works: bool, is_closed: bool
) -> None:
    async def try_out(_: Sandbox) -> bool:
        return works

    assert (await choose(wanted, try_out)).is_closed is is_closed


async def test_a_sandbox_that_must_be_and_does_not_work_ends_the_builder() -> None:
    async def never(_: Sandbox) -> bool:
        return False

    with pytest.raises(ConfigError, match="install bubblewrap"):
        await choose(Fence.BWRAP, never)


def test_what_others_use_may_be_written_only_if_it_is_said(tmp_path: Path) -> None:
    box, cache = tmp_path / "box", tmp_path / "cache"
    for may_write, how in ((True, "--bind"), (False, "--ro-bind")):
        words = Sandbox(is_closed=True)._walls(Place(box, cache, may_write))
        assert words[words.index(str(cache)) - 1] == how
        assert words[words.index(str(box)) - 1] == "--bind"


def test_a_box_gives_plain_files_of_its_own_and_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    (tmp_path / "box").mkdir()
    box = Box(tmp_path / "box")
    (box.folder / "plain").write_text("p")
    (box.folder / "link").symlink_to(secret)
    (box.folder / "out").symlink_to(tmp_path)
    (box.folder / "loop").symlink_to("loop")
    (box.folder / "inner").symlink_to("plain")
    assert box.text("plain") == "p"
    for name in ("link", "out/secret", "../secret", "loop", "none", "."):
        assert box.find(name) is None
    assert not box.has_folder("out")
    taken = box.take("inner", tmp_path / "taken")
    assert taken is not None
    assert taken.read_text() == "p"


def test_what_is_put_into_a_box_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    box = Box(tmp_path / "box")
    names = {box.put("text") for _ in range(3)}
    assert len(names) == 3
    assert {box.text(name) for name in names} == {"text"}


def test_a_log_is_cut_and_its_end_is_known(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 10, tmp_path) as log:
        for word in (b"begin ", b"middle ", b"the end\n"):
            log.hear(word)
        assert log.last() == "begin middle the end"
    assert (tmp_path / "log").read_bytes() == b"begin midd" + CUT


def test_a_log_names_files_from_the_top_of_the_sources(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 1000, Path("/box/src")) as log:
        for word in (b"/box/s", b"rc/init/main.c:1:2: error\n/box/", b"src/a.c\n"):
            log.hear(word)
        log.hear(b"In file included from ../src/b.c:1:\ntools/../src/c.c\nend")
    assert (tmp_path / "log").read_text() == (
        "init/main.c:1:2: error\na.c\n"
        "In file included from b.c:1:\ntools/../src/c.c\nend"
    )


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    with BuildLog(tmp_path / "log", 1 << 20, tmp_path) as log:
        log.hear(b"x" * 100_000)
        assert log.end() == "x" * 100_000
