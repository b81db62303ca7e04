# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who hangs below whom, once the whole dump is known; what is missing is made."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from bson import json_util

from kci_import.legacy.fields import BUILT, REVISION, key, made_id
from kci_import.problems import Problem
from kci_shared.models import Result

DEEPEST = 40
LOST_BUILDS = """
SELECT id, facts, created FROM build
WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = build.job) LIMIT 1000"""
LOST_GROUPS = """
SELECT id, facts FROM grp
WHERE NOT EXISTS (SELECT 1 FROM build WHERE build.id = grp.build) LIMIT 1000"""
LOST_LOGS = """
SELECT id, 'its build is not in the dump' FROM log
WHERE NOT EXISTS (SELECT 1 FROM build WHERE build.id = log.build)
UNION ALL
SELECT id, 'a later one of the same build is taken' FROM log AS one
WHERE EXISTS (SELECT 1 FROM log WHERE build = one.build AND id > one.id)"""


class Links:
    """Answers what a document needs to know of the others."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def resolve(self, tell: Callable[[Iterable[Problem]], None]) -> None:
        """Give each build its revision and each group its build; the caller commits.

        Where a document is missing, the one with the same key takes its place, and
        else one is made of what those below it say.
        """
        while lost := self._db.execute(LOST_BUILDS).fetchall():
            tell([self._resolve_build(*one) for one in lost])
        while lost := self._db.execute(LOST_GROUPS).fetchall():
            tell([self._resolve_group(*one) for one in lost])
        self._set_levels()
        lost = self._db.execute(LOST_LOGS).fetchall()
        tell(Problem("error_logs", log, "", f"refused: {why}") for log, why in lost)

    def _resolve_build(self, build: str, told: str, created: float) -> Problem:
        job, how = self._revision_like(json.loads(told), created)
        self._db.execute("UPDATE build SET job = ? WHERE id = ?", (job, build))
        return Problem("build", build, "job_id", f"not in the dump: {how}")

    def _revision_like(self, said: dict[str, Any], created: float) -> tuple[str, str]:
        name = key(said, REVISION)
        found = self._one("SELECT id FROM job WHERE key = ?", name)
        if found is not None:
            return str(found[0]), "the revision of the same name is taken"
        job = made_id(datetime.fromtimestamp(created, UTC), "job", name)
        row = (job, name, json.dumps(said), created)
        self._db.execute("INSERT INTO job VALUES(?, ?, ?, ?, 1)", row)
        return job, "a checkout is made"

    def _resolve_group(self, group: str, told: str) -> Problem:
        said, created = json.loads(told), int(group[:8], 16)
        name = key(said, BUILT)
        found = self._one("SELECT id FROM build WHERE key = ?", name)
        how = "the build of the same name is taken"
        if found is None:
            job, _ = self._revision_like(said, created)
            build = made_id(datetime.fromtimestamp(created, UTC), "build", name)
            insert = "INSERT INTO build VALUES(?, ?, ?, ?, ?, 'UNKNOWN', 1)"
            self._db.execute(insert, (build, job, name, told, created))
            found, how = (build,), "a kbuild is made"
        update = "UPDATE grp SET build = ? WHERE id = ?"
        self._db.execute(update, (found[0], group))
        return Problem("test_group", group, "build_id", f"not in the dump: {how}")

    def _set_levels(self) -> None:
        """Count how far groups are below their topmost one; the lost stay NULL."""
        for level in range(DEEPEST):
            done = self._db.execute(
                "UPDATE grp SET level = ? WHERE level IS NULL"
                " AND parent IN (SELECT id FROM grp WHERE level = ?)",
                (level + 1, level),
            )
            if done.rowcount == 0:
                return

    def levels(self) -> int:
        """Return how many levels of groups there are."""
        found = self._one("SELECT max(level) FROM grp")
        return 0 if found is None or found[0] is None else int(found[0]) + 1

    def any_lost(self) -> bool:
        """Say whether the group above some group is not there."""
        return self._one("SELECT 1 FROM grp WHERE level IS NULL LIMIT 1") is not None

    def level(self, group: str) -> int | None:
        """Return on which level a group is; None if its parent is not there."""
        found = self._one("SELECT level FROM grp WHERE id = ?", group)
        return None if found is None else found[0]

    def made(self, table: str) -> Iterator[tuple[str, dict[str, Any], datetime]]:
        """Yield what has no document: id, what is known of it, and since when."""
        wanted = f"SELECT id, facts, created FROM {table} WHERE made"  # noqa: S608
        for node_id, told, created in self._db.execute(wanted).fetchall():
            yield node_id, json.loads(told), datetime.fromtimestamp(created, UTC)

    def revision(self, job: str | None) -> dict[str, Any]:
        """Return what is known of a revision."""
        return self._facts("job", job)

    def revision_of(self, build: str | None) -> dict[str, Any]:
        """Return what is known of the revision that was built."""
        wanted = "SELECT job FROM build WHERE id = ?"
        found = self._one(wanted, build)
        return self.revision(found[0]) if found else {}

    def find_revision(self, said: dict[str, Any]) -> str | None:
        """Return the revision that a document names."""
        found = self._one("SELECT id FROM job WHERE key = ?", key(said, REVISION))
        return str(found[0]) if found else None

    def job_of(self, build: str) -> str | None:
        """Return the revision that a build is of."""
        found = self._one("SELECT job FROM build WHERE id = ?", build)
        return str(found[0]) if found else None

    def build(self, build: str | None) -> dict[str, Any]:
        """Return what is known of a build, and of its revision."""
        return self._facts("build", build)

    def build_of(self, group: str) -> str | None:
        """Return the build that a group ran on."""
        found = self._one("SELECT build FROM grp WHERE id = ?", group)
        return str(found[0]) if found else None

    def group(self, group: str | None) -> dict[str, Any]:
        """Return what is known of a group."""
        return self._facts("grp", group)

    def log(self, build: str) -> dict[str, Any] | None:
        """Return what the log of a build showed."""
        wanted = "SELECT findings FROM log WHERE build = ? ORDER BY id DESC LIMIT 1"
        found = self._one(wanted, build)
        return json.loads(found[0]) if found else None

    def checkout_result(self, job: str) -> Result:
        """Say how a revision did: it builds, if anything of it does."""
        found = self._db.execute(
            "SELECT DISTINCT verdict FROM build WHERE job = ?", (job,)
        )
        verdicts = {row[0] for row in found}
        if "PASS" in verdicts:
            return Result.PASS
        return Result.FAIL if "FAIL" in verdicts else Result.INCOMPLETE

    def group_result(self, group: str) -> Result:
        """Say how a group ended, by all that is below it."""
        found = self._db.execute(
            "WITH RECURSIVE below(id) AS (SELECT ? UNION"
            " SELECT grp.id FROM grp JOIN below ON grp.parent = below.id)"
            " SELECT DISTINCT status FROM verdict JOIN below ON verdict.grp = below.id",
            (group,),
        )
        statuses = {row[0] for row in found}
        for status in ("FAIL", "PASS", "SKIP"):
            if status in statuses:
                return Result(status.lower())
        return Result.INCOMPLETE

    def regression(self, copy: str | None) -> str | None:
        """Return the one regression that a copy of it became a part of."""
        found = self._one(
            "SELECT regression.id FROM copy JOIN regression USING (key)"
            " WHERE copy.id = ?",
            copy,
        )
        return str(found[0]) if found else None

    def regressions(self) -> Iterator[dict[str, Any]]:
        """Yield each regression: its longest copy, all its ids, and if it is over."""
        rows = self._db.execute(
            "SELECT key, document, failed, passed FROM regression ORDER BY id"
        )
        for name, document, failed, passed in rows:
            wanted = "SELECT id FROM copy WHERE key = ? ORDER BY id"
            ids = [row[0] for row in self._db.execute(wanted, (name,))]
            over = passed is not None and passed > failed
            yield {"document": _loads(document), "ids": ids, "over": over}

    def _facts(self, table: str, node_id: str | None) -> dict[str, Any]:
        wanted = f"SELECT facts FROM {table} WHERE id = ?"  # noqa: S608 - our own names
        found = self._one(wanted, node_id)
        known: dict[str, Any] = json.loads(found[0]) if found else {}
        return known

    def _one(self, query: str, *values: Any) -> Any:
        return self._db.execute(query, values).fetchone()


def _loads(document: str) -> dict[str, Any]:
    found: dict[str, Any] = json_util.loads(document)
    return found
