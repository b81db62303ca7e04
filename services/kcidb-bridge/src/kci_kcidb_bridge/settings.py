# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the KCIDB bridge."""

from typing import Annotated

from pydantic import Field

from kci_shared.secret import Secret
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
    kcidb_token: Annotated[Secret, Field(description="our token at KCIDB")]
