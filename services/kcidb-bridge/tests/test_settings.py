# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which settings are accepted."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kci_kcidb_bridge.settings import Settings


def settings(**changed: object) -> Settings:
    defaults = {
        "api_url": "http://api",
        "token": "x",
        "kcidb_url": "http://kcidb",
        "origin": "demo",
        "kcidb_token": "secret",
    }
    return Settings.model_validate({**defaults, **changed})


def test_the_token_is_not_shown() -> None:
    assert settings().kcidb_token.read() == "secret"
    assert "secret" not in repr(settings())


def test_the_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("kept\n")
    from_file = settings(kcidb_token=None, kcidb_token_file=tmp_path / "token")
    assert from_file.kcidb_token.read() == "kept"


@pytest.mark.parametrize("origin", ["my-lab", "Demo", ""])
def test_an_origin_that_kcidb_refuses_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="origin"):
        settings(origin=origin)


@pytest.mark.parametrize("changed", [{"kcidb_token": None}, {"kcidb_token_file": "x"}])
def test_exactly_one_token_is_needed(changed: dict[str, str | None]) -> None:
    with pytest.raises(ValidationError, match=r"(?i)kcidb_token"):
        settings(**changed)
