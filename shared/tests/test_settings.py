# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path
from typing import Self

import pytest
from pydantic import model_validator

from kci_shared.errors import ConfigError
from kci_shared.service import load_settings, print_help
from kci_shared.settings import ServiceSettings


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCI_API_URL", "http://api")


def test_a_token_may_lie_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv("KCI_TOKEN_FILE", str(tmp_path / "token"))
    assert load_settings(ServiceSettings).token.read() == "secret"


def test_no_text_of_the_settings_shows_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KCI_TOKEN", "secret")
    settings = load_settings(ServiceSettings)
    assert "secret" not in f"{settings!r} {settings}"
    assert settings.token.read() == "secret"


def test_a_secret_is_read_again_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = ServiceSettings(token_file=file)
    for token in ("old", "new"):
        file.write_text(token)
        assert settings.token.read() == token


def complaint(capsys: pytest.CaptureFixture[str], kind: type[ServiceSettings]) -> str:
    with pytest.raises(SystemExit):
        load_settings(kind)
    first, hint = capsys.readouterr().err.splitlines()
    assert hint == "See --help for all settings."
    return first


def test_without_a_token_the_error_says_what_to_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complaint(capsys, ServiceSettings) == (
        "KCI_TOKEN: not set; set it, or KCI_TOKEN_FILE to a file that holds it "
        "(the service's API token)"
    )


def test_two_tokens_are_one_too_many(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KCI_TOKEN", "secret")
    monkeypatch.setenv("KCI_TOKEN_FILE", "token")
    problem = complaint(capsys, ServiceSettings)
    assert problem == "set either KCI_TOKEN or KCI_TOKEN_FILE, not both"


def test_a_wrong_value_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KCI_TOKEN", "secret")
    monkeypatch.setenv("KCI_HEALTH_PORT", "-1")
    assert complaint(capsys, ServiceSettings).startswith(
        "KCI_HEALTH_PORT: Input should"
    )


class Checked(ServiceSettings):
    """Settings that need their secret at once, as the API does."""

    @model_validator(mode="after")
    def _is_long(self) -> Self:
        assert len(self.token.read()) > 3
        return self


def test_a_missing_file_of_a_secret_is_one_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("KCI_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="KCI_TOKEN_FILE"):
        load_settings(ServiceSettings).token.read()
    assert complaint(capsys, Checked) == (
        f"KCI_TOKEN_FILE: {tmp_path / 'none'}: No such file or directory; "
        "create this file, or set KCI_TOKEN"
    )


def test_a_file_that_is_no_text_holds_no_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not text"):
        ServiceSettings(token_file=tmp_path / "token").token.read()


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    print_help("kci-x", "Do something.", ServiceSettings)
    shown = capsys.readouterr().out
    for name in (*ServiceSettings.model_fields, "token_file"):
        assert f"KCI_{name.upper()}" in shown
