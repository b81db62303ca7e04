# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab is asked to run: `data.definition` of a job."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class TestStep(BaseModel):
    """One command on the booted system; TAP lines in its output are subtests."""

    __test__ = False  # pytest shall not collect it

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]
    run: Annotated[str, Field(max_length=4000)]
    timeout: Annotated[float, Field(gt=0, le=86400)] = 60
    """In seconds."""


class Definition(BaseModel):
    """Images to boot, then commands to run; an empty `tests` only boots."""

    model_config = ConfigDict(extra="forbid")

    artifacts: dict[str, str]
    """URLs by what they are: kernel (always), ramdisk, modules, dtb."""
    tests: list[TestStep] = []
    timeout: Annotated[float, Field(gt=0, le=86400)] = 600
    """Of the whole run on the device, in seconds."""
