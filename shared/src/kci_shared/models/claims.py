# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims on nodes, and their leases."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.sizes import Text

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Claim(BaseModel):
    """Who holds a node, as everybody may see it: without the token."""

    holder: str
    expires: datetime
    attempt: int
    deadline: datetime | None = None
    """When the run must end, even if its holder sends heartbeats; see `run_timeout`."""


class ClaimRequest(BaseModel):
    """A bridge claims up to `max` nodes of its runtime."""

    model_config = ConfigDict(extra="forbid")

    runtime: Annotated[Text, Field(max_length=256)]
    platforms: list[Annotated[Text, Field(max_length=256)]]
    max: Annotated[int, Field(ge=1, le=100)] = 1
    lease: Annotated[Seconds, Field(gt=0)] = 60
    """How long the claim holds without a heartbeat, in seconds."""
    wait: Annotated[Seconds, Field(le=60)] = 0
    """How long to wait if no node is waiting, in seconds."""


class Grant(BaseModel):
    """What only the holder gets: the token that each of its writes must carry."""

    token: int
    expires: datetime
    attempt: int
