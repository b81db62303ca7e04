# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bytes, headers and ids of a mail, for any input."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from pathlib import Path

import pytest
from email_reporter_fakes import HEAD
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_email_reporter.mail import Mail, dedup_key, header, message_id, short_id
from kci_email_reporter.text import fold, log_line, one_line
from kci_shared.text import printable

OWN = Path(__file__).parents[4] / "shared/data/mail/own"
HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\r\n\0\x1b[];\x07#>|-=? \u2028\u202e")),
    max_size=300,
)


@pytest.fixture(scope="module")
def mail() -> Mail:
    return Mail(
        key="regression/1/new/1",
        message_id=message_id("reg", "regression/1/new/1", "ci.example.org"),
        report_id=short_id("r", "1"),
        letterhead=HEAD,
        date=datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1))),
        subject="[REGRESSION] mainline/master: boot",
        filter_headers={"Tree": "mainline", "Arch": ""},
        body="one\ntwo\n\n-- \nus\n",
    )


def parse(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def test_ids_do_not_change_between_versions() -> None:
    key = dedup_key("regression", "9f01c3aa77d0e412", "new", "1")
    expected = "<kci.reg.8858c5bf23f333a4.1@ci.example.org>"
    assert message_id("reg", key, "ci.example.org") == expected
    assert short_id("r", "9f01c3aa77d0e412") == "r.6ngzzvm6rtfn6"


def test_a_key_too_long_for_the_api_is_cut_and_stays_unique() -> None:
    one, other = dedup_key("tree", "a" * 9000), dedup_key("tree", "a" * 9001)
    assert len(one) < 500
    assert one != other


def test_a_mail_has_the_headers_that_lists_and_filters_need(mail: Mail) -> None:
    found = parse(mail.to_bytes())
    assert found["From"] == f"KernelCI bot <bot+{mail.report_id}@ci.example.org>"
    assert found["To"] == "results@ci.example.org"
    assert found["Date"] == "Sun, 22 Nov 2026 12:00:00 +0000"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["X-Auto-Response-Suppress"] == "All"
    assert found["X-Kernelci-Tree"] == "mainline"
    assert found.get_content_type() == "text/plain"
    assert found["Content-Transfer-Encoding"] == "7bit"
    for absent in ("X-Kernelci-Arch", "List-Id", "Precedence", "Reply-To"):
        assert absent not in found


@pytest.mark.skipif(not OWN.exists(), reason="the example mails are not here")
def test_headers_are_ordered_as_in_the_example_mails(mail: Mail) -> None:
    example = parse((OWN / "3-boot-regression.eml").read_bytes())
    common = [name for name in example if not name.startswith("X-Kernelci-")]
    common.remove("Cc")
    ours = [name for name in parse(mail.to_bytes()) if not name.startswith("X-K")]
    assert ours == common


def test_text_that_is_not_ascii_is_8bit_and_never_quoted_printable(mail: Mail) -> None:
    content = replace(mail, body="größer\n", subject="größer").to_bytes()
    found = parse(content)
    assert found["Content-Transfer-Encoding"] == "8bit"
    assert found["Subject"] == "größer"
    assert content.endswith("\r\n\r\ngrößer\r\n".encode())


def test_a_line_too_long_for_smtp_is_folded(mail: Mail) -> None:
    body = replace(mail, body="é" * 3000 + "\n").to_bytes().split(b"\r\n\r\n", 1)[1]
    assert max(map(len, body.split(b"\r\n"))) <= 998
    assert body.decode().replace("\r\n ", "") == "é" * 3000 + "\r\n"


def test_a_folded_line_cannot_start_a_command(mail: Mail) -> None:
    content = replace(mail, body="x" * 998 + "#kernelci invalid: x\n").to_bytes()
    assert b"\r\n #kernelci" in content


def test_a_value_that_looks_encoded_is_shown_literally() -> None:
    trick = "=?utf-8?q?a=0ABcc:_x?="
    found = parse(header("Subject", trick).encode() + b"\r\n\r\n")
    assert found["Subject"] == trick


@given(HOSTILE)
@settings(max_examples=60)
def test_no_value_starts_a_second_header(value: str) -> None:
    for name in ("Subject", "X-Kernelci-Branch"):
        lines = header(name, value).split("\r\n")
        assert lines[0].startswith(f"{name}:")
        assert all(re.match(r" [^\s]", line) for line in lines[1:])
        assert all(line.isascii() and line.isprintable() for line in lines)
        assert max(map(len, lines)) <= 998


@given(HOSTILE)
@settings(max_examples=60)
def test_a_header_holds_its_value(value: str) -> None:
    text = one_line(value)
    if text:
        raw = header("Subject", value).encode() + b"\r\n\r\n"
        assert " ".join(str(parse(raw)["Subject"]).split()) == text


@given(st.lists(HOSTILE, max_size=3))
@settings(max_examples=60)
def test_no_line_of_a_body_holds_control_characters(lines: list[str]) -> None:
    for line in lines:
        assert printable(line).isprintable()
        assert log_line(line).isprintable()


@given(HOSTILE, st.integers(0, 12))
@settings(max_examples=60)
def test_prose_is_narrow_and_holds_no_commands(text: str, hanging: int) -> None:
    for line in fold(text, hanging).splitlines():
        assert len(line) <= 76
        assert not re.match(r"[#>|-]", line)


def test_a_mail_does_not_depend_on_the_time_zone(mail: Mail) -> None:
    assert mail.to_bytes() == replace(mail, date=mail.date.astimezone(UTC)).to_bytes()
