# SPDX-License-Identifier: LGPL-2.1-or-later
"""The answers of LAVA's REST API, as far as they are used here."""

from datetime import datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


class State(StrEnum):
    """Where a job is in LAVA."""

    SUBMITTED = "Submitted"
    SCHEDULING = "Scheduling"
    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    CANCELING = "Canceling"
    FINISHED = "Finished"


class Health(StrEnum):
    """How a job ended in LAVA."""

    UNKNOWN = "Unknown"
    COMPLETE = "Complete"
    INCOMPLETE = "Incomplete"
    CANCELED = "Canceled"


class LavaJob(BaseModel):
    """A job, as LAVA describes it."""

    id: int
    state: State
    health: Health
    submitter: str | None = None
    actual_device: str | None = None
    start_time: datetime | None = None
    definition: str = ""


class Device(BaseModel):
    """A device, as LAVA describes it."""

    hostname: str
    device_type: str
    state: str
    health: str
    worker_host: str | None = None
    tags: list[int] = []


class Worker(BaseModel):
    """A machine that devices are connected to."""

    hostname: str
    state: str
    health: str


class Named(BaseModel):
    """An alias of a device type, a tag, or a suite."""

    id: int | None = None
    name: str
    device_type: str | None = None


class Page(BaseModel, Generic[M]):
    """One page of a list."""

    results: list[M]


class Count(BaseModel):
    """The length of a list."""

    count: int


class Who(BaseModel):
    """The user of a token."""

    user: str = ""


class Submitted(BaseModel):
    """The jobs made from a definition."""

    job_ids: list[int | str]


class Seen(NamedTuple):
    """Jobs, and the time of the answer by LAVA's clock."""

    jobs: list[LavaJob]
    now: datetime
