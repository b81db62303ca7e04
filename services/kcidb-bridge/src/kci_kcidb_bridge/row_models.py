# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of a KCIDB report (schema 5.3): the fields that we send, and their limits.

Source of the format: the KCIDB I/O schema (https://github.com/kernelci/kcidb-io), with
which the tests compare these models.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
)

from kci_kcidb_bridge.text import clean

EXCERPT_MAX_CHARS = 16384
"""Longest log excerpt that the schema allows."""

Text = Annotated[str, BeforeValidator(clean)]
Misc = Annotated[dict[str, Any], BeforeValidator(clean)]
Id = Annotated[Text, Field(pattern=r"^[a-z0-9_]+:")]
Origin = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Path = Annotated[str, Field(pattern=r"^([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?$")]
Excerpt = Annotated[Text, Field(max_length=EXCERPT_MAX_CHARS)]


class Status(StrEnum):
    """Outcome of a build or a test, the worst first."""

    FAIL = "FAIL"
    """The kernel failed."""
    ERROR = "ERROR"
    """The test or the lab failed: no verdict on the kernel."""
    MISS = "MISS"
    """It never started."""
    PASS = "PASS"  # noqa: S105 - not a password
    DONE = "DONE"
    """It finished without a verdict, for example a measurement."""
    SKIP = "SKIP"
    """It does not apply."""


class Part(BaseModel):
    """An object in a report; fields that are None are not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resource(Part):
    """A file that a result links to."""

    name: Annotated[Text, Field(pattern=r"^[^/]+$")]
    url: str


class Row(Part):
    """A row of a report; `LIST` names the list that holds it there."""

    LIST: ClassVar[str]

    id: Id
    origin: Origin
    misc: Misc | None = None


class CheckoutRow(Row):
    """A checkout of a kernel revision."""

    LIST = "checkouts"

    tree_name: Text | None = None
    git_repository_url: str | None = None
    git_repository_branch: Text | None = None
    git_repository_branch_tip: bool | None = None
    git_commit_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    git_commit_name: Text | None = None
    git_commit_tags: list[Text] | None = None
    git_commit_message: Text | None = None
    patchset_hash: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] | None = None
    start_time: AwareDatetime
    """Optional in the schema, but required by the database."""
    valid: bool | None = None
    log_url: str | None = None


class BuildRow(Row):
    """A build of the kernel."""

    LIST = "builds"

    checkout_id: Id
    comment: Text | None = None
    start_time: AwareDatetime
    duration: FiniteFloat | None = None
    architecture: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] | None = None
    compiler: Text | None = None
    config_name: Text | None = None
    config_url: str | None = None
    log_url: str | None = None
    log_excerpt: Excerpt | None = None
    output_files: list[Resource] | None = None
    status: Status | None = None


class Number(Part):
    """A measurement."""

    value: FiniteFloat
    unit: Text | None = None


class Environment(Part):
    """The platform that a test ran on."""

    misc: Misc


class TestRow(Row):
    """A test, or a job as a whole."""

    __test__ = False  # pytest shall not collect it

    LIST = "tests"

    build_id: Id
    path: Path
    environment: Environment | None
    start_time: AwareDatetime
    duration: FiniteFloat | None
    number: Number | None
    log_url: str | None
    log_excerpt: Excerpt | None
    output_files: list[Resource] | None
    status: Status


class Culprit(Part):
    """What causes an issue; a field left out would mean that it is unknown."""

    code: bool
    tool: bool
    harness: bool


class IssueRow(Row):
    """A fault that may occur in many results."""

    LIST = "issues"

    version: int
    comment: Text
    categories: list[Path]
    culprit: Culprit


class IncidentRow(Row):
    """Whether an issue occurs in one result."""

    LIST = "incidents"

    issue_id: Id
    issue_version: int
    build_id: Id | None = None
    test_id: Id | None = None
    present: bool
