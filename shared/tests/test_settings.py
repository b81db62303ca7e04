# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import pytest

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
    assert load_settings(ServiceSettings).read_token() == "secret"


def test_no_text_of_the_settings_shows_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KCI_TOKEN", "secret")
    settings = load_settings(ServiceSettings)
    assert "secret" not in f"{settings!r} {settings}"
    assert settings.read_token() == "secret"


def test_without_a_token_the_error_says_what_to_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        load_settings(ServiceSettings)
    assert "KCI_TOKEN_FILE" in capsys.readouterr().err


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    print_help("kci-x", "Do something.", ServiceSettings)
    said = capsys.readouterr().out
    for name in ServiceSettings.model_fields:
        assert f"KCI_{name.upper()}" in said
