# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds parents for builds and groups whose own parent is missing in the dump.

A document with the same key is used, or else a row is added to the index, which becomes
a placeholder node.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from kci_import.legacy.fields import BUILD_KEY, REVISION_KEY, generated_id, key_of
from kci_import.problems import Problem, refusal

MAX_LEVELS = 40
BUILDS_WITHOUT_REVISION = """
SELECT id, facts, created FROM build
WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = build.job) LIMIT 1000"""
GROUPS_WITHOUT_BUILD = """
SELECT id, facts FROM grp
WHERE NOT EXISTS (SELECT 1 FROM build WHERE build.id = grp.build) LIMIT 1000"""
UNUSED_LOGS = """
SELECT id, 'its build is not in the dump' FROM log
WHERE NOT EXISTS (SELECT 1 FROM build WHERE build.id = log.build)
UNION ALL
SELECT id, 'a later log of the same build is used' FROM log AS one
WHERE EXISTS (SELECT 1 FROM log WHERE build = one.build AND id > one.id)"""


class Parents:
    """The index, in which missing parents are filled in; the caller commits."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def resolve(self, add_problems: Callable[[Iterable[Problem]], None]) -> None:
        """Give each build a revision and each group a build; report unused logs."""
        while rows := self._db.execute(BUILDS_WITHOUT_REVISION).fetchall():
            add_problems([self._resolve_build(*row) for row in rows])
        while rows := self._db.execute(GROUPS_WITHOUT_BUILD).fetchall():
            add_problems([self._resolve_group(*row) for row in rows])
        self._set_levels()
        unused = self._db.execute(UNUSED_LOGS).fetchall()
        add_problems(refusal("error_logs", log, reason) for log, reason in unused)

    def _resolve_build(self, build: str, fields: str, created_s: float) -> Problem:
        job, solution = self._revision_like(json.loads(fields), created_s)
        self._db.execute("UPDATE build SET job = ? WHERE id = ?", (job, build))
        return Problem("build", build, "job_id", f"not in the dump: {solution}")

    def _revision_like(
        self, fields: dict[str, Any], created_s: float
    ) -> tuple[str, str]:
        """Return the id of a revision with these fields, and where it is from."""
        key = key_of(fields, REVISION_KEY)
        row = self._first("SELECT id FROM job WHERE key = ?", key)
        if row is not None:
            return str(row[0]), "a revision of the same name is used"
        job = generated_id(datetime.fromtimestamp(created_s, UTC), "job", key)
        new = (job, key, json.dumps(fields), created_s)
        self._db.execute("INSERT INTO job VALUES(?, ?, ?, ?, 1)", new)
        return job, "a placeholder checkout is created"

    def _resolve_group(self, group: str, fields_json: str) -> Problem:
        fields, created_s = json.loads(fields_json), int(group[:8], 16)
        key = key_of(fields, BUILD_KEY)
        row = self._first("SELECT id FROM build WHERE key = ?", key)
        solution = "a build of the same name is used"
        if row is None:
            job, _ = self._revision_like(fields, created_s)
            build = generated_id(datetime.fromtimestamp(created_s, UTC), "build", key)
            insert = "INSERT INTO build VALUES(?, ?, ?, ?, ?, 'UNKNOWN', 1)"
            self._db.execute(insert, (build, job, key, fields_json, created_s))
            row, solution = (build,), "a placeholder kbuild is created"
        update = "UPDATE grp SET build = ? WHERE id = ?"
        self._db.execute(update, (row[0], group))
        return Problem("test_group", group, "build_id", f"not in the dump: {solution}")

    def _set_levels(self) -> None:
        """Set each group's depth below its topmost group; NULL if that is missing."""
        for level in range(MAX_LEVELS):
            updated = self._db.execute(
                "UPDATE grp SET level = ? WHERE level IS NULL"
                " AND parent IN (SELECT id FROM grp WHERE level = ?)",
                (level + 1, level),
            )
            if updated.rowcount == 0:
                return

    def _first(self, query: str, *values: str) -> Any:
        return self._db.execute(query, values).fetchone()
