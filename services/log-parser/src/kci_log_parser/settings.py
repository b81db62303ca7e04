# SPDX-License-Identifier: LGPL-2.1-or-later
"""The settings of the log parser."""

from typing import Annotated

from pydantic import Field

from kci_shared.settings import ServiceSettings
from kci_shared.storage import StorageSettings


class Settings(ServiceSettings, StorageSettings):
    """The settings of the log parser."""

    max_log_bytes: Annotated[
        int, Field(gt=0, description="how much of one log is read at most")
    ] = 256 * 2**20
