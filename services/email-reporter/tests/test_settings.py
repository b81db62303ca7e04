# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the email reporter may be told."""

from typing import Any

import pytest
from pydantic import ValidationError


def test_nothing_is_sent_unless_somebody_says_so(scene: Any) -> None:
    assert type(scene.settings()).model_fields["mail_mode"].default == "dry-run"


def test_links_lead_to_the_api_unless_there_is_a_page(scene: Any) -> None:
    page = "https://ci.example.org/n/"
    assert scene.settings().letterhead.link("1") == (
        "http://api.example/viewer?node_id=1"
    )
    assert scene.settings(web_url=page).letterhead.link("1") == f"{page}1"


def test_the_sender_is_taken_apart(scene: Any) -> None:
    head = scene.settings().letterhead
    assert (head.name, head.address) == ("KernelCI bot", "bot@ci.example.org")
    assert head.tagged("r.x") == "bot+r.x@ci.example.org"


@pytest.mark.parametrize(
    "told",
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
def test_what_makes_no_mail_is_refused(scene: Any, told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        scene.settings(**told)


def test_a_password_needs_a_secured_connection(scene: Any) -> None:
    told = {"smtp_user": "bot", "smtp_password": "x", "smtp_tls": "starttls"}
    assert "'x'" not in repr(scene.settings(**told))
