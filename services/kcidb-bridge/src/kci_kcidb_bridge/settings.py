# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the KCIDB bridge."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from kci_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """KCIDB's address, and our origin and token there."""

    kcidb_url: Annotated[
        str,
        Field(
            description="URL of KCIDB's REST interface, such as https://db.kernelci.org"
        ),
    ]
    origin: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_]+$",
            description="our origin at KCIDB (a-z 0-9 _), which the token belongs to",
        ),
    ]
    kcidb_token: Annotated[
        SecretStr | None, Field(description="our token at KCIDB")
    ] = None
    kcidb_token_file: Annotated[
        Path | None, Field(description="a file with that token instead")
    ] = None

    @model_validator(mode="after")
    def _one_kcidb_token(self) -> Self:
        if (self.kcidb_token is None) == (self.kcidb_token_file is None):
            raise ValueError("set either KCI_KCIDB_TOKEN or KCI_KCIDB_TOKEN_FILE")
        return self

    def read_kcidb_token(self) -> str:
        """Return the KCIDB token, from the setting or the file."""
        if self.kcidb_token_file is not None:
            return self.kcidb_token_file.read_text().strip()
        assert self.kcidb_token is not None
        return self.kcidb_token.get_secret_value()
