# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the import."""

from typing import Annotated

from pydantic import Field

from kci_shared.settings import ClientSettings


class Settings(ClientSettings):
    """The API to import into, and how many nodes to send at once."""

    batch: Annotated[
        int, Field(ge=1, le=1000, description="how many nodes one request imports")
    ] = 500
