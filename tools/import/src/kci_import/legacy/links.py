# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers what a document needs from others: parents, their fields, and results."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import json_util

from kci_import.legacy.build_logs import BuildLog
from kci_import.legacy.dump import Document
from kci_import.legacy.fields import REVISION_KEY, key_of
from kci_shared.models import Result

Fields = dict[str, Any]


@dataclass(frozen=True)
class Placeholder:
    """A revision or build without a document: what is known from those below it."""

    id: str
    fields: Fields
    created: datetime


@dataclass(frozen=True)
class RegressionCopies:
    """The longest copy of a regression, and the ids of all copies."""

    document: Document
    ids: list[str]
    is_fixed: bool


class Links:
    """Queries on the index, once all parents are resolved."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def levels(self) -> int:
        """Return how many levels of groups there are."""
        row = self._one("SELECT max(level) FROM grp")
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    def has_detached_groups(self) -> bool:
        """Return whether the parent group of any group is missing."""
        return self._one("SELECT 1 FROM grp WHERE level IS NULL LIMIT 1") is not None

    def level(self, group: str) -> int | None:
        """Return the level of a group, or None if its parent group is missing."""
        row = self._one("SELECT level FROM grp WHERE id = ?", group)
        return None if row is None else row[0]

    def placeholders(self, table: str) -> Iterator[Placeholder]:
        """Yield the rows of a table that have no document."""
        query = f"SELECT id, facts, created FROM {table} WHERE made"  # noqa: S608
        for id_, fields, created_s in self._db.execute(query).fetchall():
            created = datetime.fromtimestamp(created_s, UTC)
            yield Placeholder(id_, json.loads(fields), created)

    def revision(self, job: str | None) -> Fields:
        """Return the fields of a revision."""
        return self._fields("job", job)

    def revision_of(self, build: str | None) -> Fields:
        """Return the fields of a build's revision."""
        row = self._one("SELECT job FROM build WHERE id = ?", build)
        return self.revision(row[0]) if row else {}

    def find_revision(self, document: Document) -> str | None:
        """Return the id of the revision that a document names."""
        key = key_of(document, REVISION_KEY)
        return self._id("SELECT id FROM job WHERE key = ?", key)

    def job_of(self, build: str) -> str | None:
        """Return the id of a build's revision."""
        return self._id("SELECT job FROM build WHERE id = ?", build)

    def build(self, build: str | None) -> Fields:
        """Return the fields of a build and of its revision."""
        return self._fields("build", build)

    def build_of(self, group: str) -> str | None:
        """Return the id of the build that a group ran on."""
        return self._id("SELECT build FROM grp WHERE id = ?", group)

    def group(self, group: str | None) -> Fields:
        """Return the fields of a group."""
        return self._fields("grp", group)

    def log(self, build: str) -> BuildLog | None:
        """Return the findings in a build's log."""
        query = "SELECT findings FROM log WHERE build = ? ORDER BY id DESC LIMIT 1"
        row = self._one(query, build)
        return json.loads(row[0]) if row else None

    def checkout_result(self, job: str) -> Result:
        """Return a revision's result: pass if any of its builds passed."""
        rows = self._db.execute(
            "SELECT DISTINCT verdict FROM build WHERE job = ?", (job,)
        )
        statuses = {row[0] for row in rows}
        if "PASS" in statuses:
            return Result.PASS
        return Result.FAIL if "FAIL" in statuses else Result.INCOMPLETE

    def group_result(self, group: str) -> Result:
        """Return a group's result: that of its worst test, at any depth."""
        rows = self._db.execute(
            "WITH RECURSIVE below(id) AS (SELECT ? UNION"
            " SELECT grp.id FROM grp JOIN below ON grp.parent = below.id)"
            " SELECT DISTINCT status FROM verdict JOIN below ON verdict.grp = below.id",
            (group,),
        )
        statuses = {row[0] for row in rows}
        for status in ("FAIL", "PASS", "SKIP"):
            if status in statuses:
                return Result(status.lower())
        return Result.INCOMPLETE

    def regression(self, copy: str | None) -> str | None:
        """Return the id of the regression that a copy belongs to."""
        return self._id(
            "SELECT regression.id FROM copy JOIN regression USING (key)"
            " WHERE copy.id = ?",
            copy,
        )

    def regressions(self) -> Iterator[RegressionCopies]:
        """Yield each regression once."""
        rows = self._db.execute(
            "SELECT key, document, failed, passed FROM regression ORDER BY id"
        )
        for key, document, failed_s, passed_s in rows:
            query = "SELECT id FROM copy WHERE key = ? ORDER BY id"
            ids = [row[0] for row in self._db.execute(query, (key,))]
            is_fixed = passed_s is not None and passed_s > failed_s
            yield RegressionCopies(json_util.loads(document), ids, is_fixed)

    def _fields(self, table: str, id_: str | None) -> Fields:
        query = f"SELECT facts FROM {table} WHERE id = ?"  # noqa: S608 - our own names
        row = self._one(query, id_)
        fields: Fields = json.loads(row[0]) if row else {}
        return fields

    def _id(self, query: str, *values: str | None) -> str | None:
        row = self._one(query, *values)
        return str(row[0]) if row else None

    def _one(self, query: str, *values: str | None) -> Any:
        return self._db.execute(query, values).fetchone()
