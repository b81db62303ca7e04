# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an import is told from outside."""

from typing import Annotated

from pydantic import Field

from kci_shared.settings import ClientSettings


class Settings(ClientSettings):
    """What an import is told from outside."""

    batch: Annotated[
        int, Field(ge=1, le=1000, description="how many nodes one request brings")
    ] = 500
