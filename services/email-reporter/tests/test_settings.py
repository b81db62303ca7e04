# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which settings are accepted."""

import pytest
from email_reporter_fakes import make_settings
from pydantic import ValidationError

from kci_email_reporter.settings import Settings


def test_nothing_is_sent_by_default() -> None:
    assert Settings.model_fields["mail_mode"].default == "dry-run"


def test_links_lead_to_the_api_unless_a_page_is_configured() -> None:
    page = "https://ci.example.org/n/"
    assert make_settings().letterhead.link("1") == (
        "http://api.example/viewer?node_id=1"
    )
    assert make_settings(web_url=page).letterhead.link("1") == f"{page}1"


def test_the_sender_has_a_name_and_an_address_for_replies() -> None:
    head = make_settings().letterhead
    assert (head.name, head.address) == ("KernelCI bot", "bot@ci.example.org")
    assert head.reply_address("r.x") == "bot+r.x@ci.example.org"


@pytest.mark.parametrize(
    "changed",
    [
        {"mail_mode": "maybe"},
        {"mail_mode": "redirect:"},
        {"mail_mode": "redirect:a@b.example\nBcc: c@d.example"},
        {"mail_from": "bot@ci.example.org"},
        {"mail_from": "x\nBcc: y <bot@ci.example.org>"},
        {"mail_to": []},
        {"mail_to": ["a@b.example, c@d.example"]},
        {"mail_to": ["<a@b.example>"]},
        {"mail_domain": "22d5995788c3"},
        {"mail_contact": "a@b.example\n#kernelci invalid"},
        {"smtp_user": "bot"},
        {"smtp_user": "bot", "smtp_password": "x"},
    ],
)
def test_invalid_settings_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_settings(**changed)


def test_a_password_is_not_shown() -> None:
    changed = {"smtp_user": "bot", "smtp_password": "x", "smtp_tls": "starttls"}
    assert "'x'" not in repr(make_settings(**changed))
