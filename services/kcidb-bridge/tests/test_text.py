# SPDX-License-Identifier: LGPL-2.1-or-later
"""Untrusted text as KCIDB accepts it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_kcidb_bridge import text

ANYTHING = st.text('aZ0._-:/ \0\n\r\t\\"\ud800\udfffé\u202e\U0001f600', max_size=9)


@settings(max_examples=50)
@given(
    st.recursive(
        ANYTHING,
        lambda part: st.lists(part) | st.dictionaries(ANYTHING, part),
        max_leaves=8,
    )
)
def test_clean_text_can_be_stored(value: object) -> None:
    body = json.dumps(text.clean(value), ensure_ascii=False)
    assert body.encode()
    assert "\\u0000" not in body


def test_values_other_than_strings_are_not_changed() -> None:
    assert text.clean([1, None, True, {"a": 1.5}]) == [1, None, True, {"a": 1.5}]


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (["boot"], "boot"),
        (["smoke", "smoke", "proc-mounted"], "smoke.smoke.proc-mounted"),
        (["boot", "dmesg.alert: x/y"], "boot.dmesg_alert__x_y"),
        (["a", "", "b"], "a._.b"),
        ([], ""),
    ],
)
def test_each_name_is_one_level_of_a_path(names: list[str], path: str) -> None:
    assert text.path(names) == path


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.kernelci.org",
        "http://127.0.0.1:8002/00ff/console.log#L12",
        "https://h/a%20b?c=d&e=(f)",
    ],
)
def test_a_url_is_not_changed(url: str) -> None:
    assert text.url(url) == url


@pytest.mark.parametrize(
    "url",
    [None, "", "ftp://h/x", "https://u:secret@h/x", "https://h/a b", "https://h/é",
     "https://h/%zz", "https://h/a\n", "https://h/[x]", "https://h/a#b#c", "/x"],
)  # fmt: skip
def test_what_kcidb_refuses_as_a_url_is_left_out(url: str | None) -> None:
    assert text.url(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.kernel.org/x.git", "https://git.kernel.org/x.git"),
        ("git://git.kernel.org/x.git", "https://git.kernel.org/x.git"),
        ("http://git.kernel.org/x.git", "https://git.kernel.org/x.git"),
        ("ssh://git@kernel.org/x.git", None),
        ("git@kernel.org:x.git", None),
    ],
)
def test_a_repository_has_an_https_url(url: str, expected: str | None) -> None:
    assert text.git_url(url) == expected


def test_an_architecture_has_only_the_characters_that_kcidb_allows() -> None:
    assert text.architecture("ARM64-be") == "arm64_be"
    assert text.architecture(None) is None


def test_a_file_name_has_no_slash() -> None:
    assert text.file_name("../a\0") == ".._a"
    assert text.file_name("\0") == "_"
