# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kci_shared.errors import Invalid
from kci_storage import rules

HASH = "0" * 64


@pytest.mark.parametrize("name", ["console.log", "bzImage", "_config", "a" * 200])
def test_a_plain_name_is_kept_below_its_hash(name: str) -> None:
    assert rules.key(HASH, name) == f"{HASH}/{name}"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "...", "a/b", "a b", 'a"b', "a\n", "é", "a#1", "a" * 201]
)
def test_any_other_name_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(Invalid, match="use 1 to 200"):
        rules.key(HASH, name)


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n"])
def test_what_is_not_a_sha256_is_refused_with_the_remedy(sha256: str) -> None:
    with pytest.raises(Invalid, match="use the hash of the content"):
        rules.key(sha256, "x")


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    try:
        key = rules.key(HASH, name)
    except Invalid:
        return
    path = PurePosixPath(key)
    assert path.parts == (HASH, name)
    assert not set(name) <= {"."}


@pytest.mark.parametrize("name", ["console.log", "a.txt", "_config", "kernel.config"])
def test_a_text_is_shown(name: str) -> None:
    headers = rules.headers(HASH, name)
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Content-Disposition"] == f'inline; filename="{name}"'


@pytest.mark.parametrize("name", ["bzImage", "x.html", "x.svg", "x.js", "log"])
def test_everything_else_is_bytes_to_save(name: str) -> None:
    headers = rules.headers(HASH, name)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=2-", range(2, 10)),
        ("bytes=2-99", range(2, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=10-", range(10, 10)),
        ("bytes=-0", range(10, 10)),
        (None, None),
        ("bytes=-", None),
        ("bytes=3-2", None),
        ("bytes=0-1,3-4", None),
        ("lines=1-2", None),
        ("bytes=1-9" + "9" * 30, None),
    ],
)
def test_a_range_header_means(asked: str | None, part: range | None) -> None:
    assert rules.byte_range(asked, 10) == part


@given(st.text(), st.integers(0, 1000))
def test_no_range_reaches_beyond_the_artifact(asked: str, size: int) -> None:
    part = rules.byte_range(f"bytes={asked}", size)
    assert part is None or len(part) == 0 or (part.start >= 0 and part.stop <= size)
