# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kci_shared.redaction import redacted
from kci_shared.text import as_shown, plain, printable

RED = "\x1b[1;31mred\x1b[0m"


@pytest.mark.parametrize(
    ("text", "as_line", "as_prose"),
    [
        (f"{RED} \x1b]0;title\x07x\x00y\r", "red xy", "red xy "),
        ("a\tb", "a\tb", "a b"),
        ("a\nb\N{NO-BREAK SPACE}c", "abc", "a b c"),
        ("a\x1b(Bb\x1b[?25hc\x1b", "abc", "abc"),
        ("\N{SNOWMAN}", "\N{SNOWMAN}", "\N{SNOWMAN}"),
    ],
)
def test_what_a_terminal_obeys_is_removed(
    text: str, as_line: str, as_prose: str
) -> None:
    assert plain(text) == as_line
    assert printable(text) == as_prose


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    assert plain(text).replace("\t", "").isprintable()
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"ok 1 a\r\n", "ok 1 a"),
        (b"10%\r90%\rdone\n", "done"),
        (b"done\r\r", "done"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (RED.encode(), "red"),
    ],
)
def test_a_line_is_what_a_terminal_shows_in_the_end(raw: bytes, line: str) -> None:
    assert as_shown(raw) == line


def test_passwords_and_tokens_are_not_quoted() -> None:
    text = "GET https://me:secret@host/a\nAuthorization: Bearer abc.def"
    assert redacted(text) == "GET https://host/a Authorization: Bearer ***"
