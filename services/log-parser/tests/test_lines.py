# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_log_parser.lines import MAX_LINE_CHARS, clean


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"[    1.234567] hello\r\n", "hello"),
        (b"[    1.234567][   T12]  f+0x1/0x2\n", " f+0x1/0x2"),
        (b"[    1.234567][   T12] hello", "hello"),
        (b"[   T12] hello", "hello"),
        (b"<6>[    1.234567] hello", "hello"),
        (b"[2026-01-02T03:04:05.678901] hello", "hello"),
        (b"[Mon Jan  2 03:04:05 2026] hello", "hello"),
        (b"kern  :warn  : [    1.234567] hello", "hello"),
        (b"Jan  2 03:04:05 host kernel: [    1.234567] hello", "hello"),
        (b"\x1b[1;31mhello\x1b[0m", "hello"),
        (b" 50%\r100%\r", "100%"),
        (b"a\x00\x07\x08b\tc", "ab\tc"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_only_what_was_said_remains(raw: bytes, text: str) -> None:
    assert clean(raw) == text


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=5000))
def test_a_clean_line_is_short_and_printable(raw: bytes) -> None:
    text = clean(raw)
    assert len(text) <= MAX_LINE_CHARS
    assert all(char == "\t" or char >= " " for char in text)
