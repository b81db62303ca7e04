# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kci_api.settings import Settings

GOOD = "0123456789abcdef" * 2


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.mark.parametrize("key", ["changeme" * 8, GOOD[:-1], "x" * 40])
def test_a_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="openssl rand"):
        settings(secret_key=key)


def test_a_weak_key_is_accepted_in_development() -> None:
    assert settings(secret_key="dev", development=True).secret_key.read() == "dev"


def test_a_key_is_required_even_in_development() -> None:
    with pytest.raises(ValidationError, match="secret_key"):
        settings(development=True)


def test_a_placeholder_is_refused_as_password_of_the_administrator() -> None:
    with pytest.raises(ValidationError, match="KCI_ADMIN_PASSWORD"):
        settings(secret_key=GOOD, admin_password="changeit")


def test_secrets_can_be_in_files(tmp_path: Path) -> None:
    key, password = tmp_path / "key", tmp_path / "password"
    key.write_text(f"{GOOD}\n")
    password.write_text("correct horse\n")
    read = settings(secret_key_file=key, admin_password_file=password)
    assert read.secret_key.read() == GOOD
    assert read.admin_password is not None
    assert read.admin_password.read() == "correct horse"


def test_no_secret_is_shown() -> None:
    shown = repr(settings(secret_key=GOOD, admin_password="correct horse"))
    assert GOOD not in shown
    assert "horse" not in shown
