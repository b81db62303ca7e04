# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state of a lab or cluster, as its bridge reports it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from kci_shared.models.sizes import Integer, Key, Text

MAX_MESSAGE_CHARS = 1000

Platform = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+:-]{1,100}$")]


Fact = Text | Integer | FiniteFloat | bool | None


class RuntimeReport(BaseModel):
    """Platforms and health of a runtime; reported at start and every minute."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[Text, Field(max_length=100, examples=["labgrid"])]
    platforms: Annotated[
        dict[Platform, Annotated[int, Field(ge=0, le=100_000)]],
        Field(
            max_length=1000,
            description="how many jobs of each can run at once",
            examples=[{"qemu-x86": 4}],
        ),
    ] = {}
    healthy: bool = True
    message: Annotated[
        Text, Field(max_length=MAX_MESSAGE_CHARS, description="what is wrong")
    ] = ""
    facts: Annotated[
        dict[Key, Fact],
        Field(max_length=50, description="anything else, such as the version"),
    ] = {}
