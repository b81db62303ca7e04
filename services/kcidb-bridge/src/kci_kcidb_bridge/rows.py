# SPDX-License-Identifier: LGPL-2.1-or-later
"""KCIDB's report, schema 5.3: the fields of it that we send, with its constraints.

Source of the format: the KCIDB I/O schema (https://github.com/kernelci/kcidb-io),
with which the tests compare these models.
"""

import json
from collections.abc import Sequence
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

from kci_kcidb_bridge.text import LONGEST_EXCERPT, clean

VERSION = {"major": 5, "minor": 3}

Text = Annotated[str, BeforeValidator(clean)]
Misc = Annotated[dict[str, Any], BeforeValidator(clean)]
Id = Annotated[Text, Field(pattern=r"^[a-z0-9_]+:")]
Origin = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Path = Annotated[str, Field(pattern=r"^([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?$")]
Excerpt = Annotated[Text, Field(max_length=LONGEST_EXCERPT)]


class Status(StrEnum):
    """How a build or a test ended; the worst first."""

    FAIL = "FAIL"
    """The code is at fault."""
    ERROR = "ERROR"
    """The test broke; nothing is known of the code."""
    MISS = "MISS"
    """The lab could not run it."""
    PASS = "PASS"  # noqa: S105 - not a password
    DONE = "DONE"
    """It ran and gave no verdict, such as a measurement."""
    SKIP = "SKIP"
    """It does not apply."""


class Part(BaseModel):
    """A piece of a report; what is None is not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resource(Part):
    """A file that can be had."""

    name: Annotated[Text, Field(pattern=r"^[^/]+$")]
    url: str


class Row(Part):
    """One object of a report; `LIST` is where it stands there."""

    LIST: ClassVar[str]

    id: Id
    origin: Origin
    misc: Misc | None = None


class CheckoutRow(Row):
    """A revision."""

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
    """Optional in the schema, but the database takes no checkout without it."""
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
    """What a test measured."""

    value: FiniteFloat
    unit: Text | None = None


class Environment(Part):
    """Where a test ran."""

    misc: Misc


class TestRow(Row):
    """A test, or a whole job."""

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
    """Who is to blame; what is left out would mean that nobody knows."""

    code: bool
    tool: bool
    harness: bool


class IssueRow(Row):
    """A fault that may be seen in many results."""

    LIST = "issues"

    version: int
    comment: Text
    categories: list[Path]
    culprit: Culprit


class IncidentRow(Row):
    """An issue seen in one result."""

    LIST = "incidents"

    issue_id: Id
    issue_version: int
    build_id: Id | None = None
    test_id: Id | None = None
    present: bool


LISTS = [row.LIST for row in (CheckoutRow, BuildRow, TestRow, IssueRow, IncidentRow)]


def report(rows: Sequence[Row]) -> bytes:
    """Return the submission that holds these rows; the same bytes for the same rows."""
    said: dict[str, Any] = {"version": VERSION}
    for name in LISTS:
        found = {row.id: row for row in rows if name == row.LIST}
        if found:
            said[name] = [
                row.model_dump(mode="json", exclude_none=True) for row in found.values()
            ]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
