# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documents of a dump need to know of one another, kept in a file.

A first walk over the dump notes it, so that a second one can say of each document what
it becomes. Nothing of it has to fit into memory.
"""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from bson import json_util

from kci_import.legacy.build_logs import findings
from kci_import.legacy.dump import Document
from kci_import.legacy.fields import (
    BUILT,
    OF_BUILD,
    OF_GROUP,
    OF_REVISION,
    RAN,
    RENAMED,
    REVISION,
    born,
    facts,
    id_of,
    key,
)

TABLES = """
CREATE TABLE IF NOT EXISTS job(
    id TEXT PRIMARY KEY, key TEXT, facts TEXT, created REAL, made INTEGER);
CREATE INDEX IF NOT EXISTS job_key ON job(key);
CREATE TABLE IF NOT EXISTS build(
    id TEXT PRIMARY KEY, job TEXT, key TEXT, facts TEXT, created REAL, verdict TEXT,
    made INTEGER);
CREATE INDEX IF NOT EXISTS build_key ON build(key);
CREATE INDEX IF NOT EXISTS build_job ON build(job);
CREATE TABLE IF NOT EXISTS log(id TEXT PRIMARY KEY, build TEXT, findings TEXT);
CREATE INDEX IF NOT EXISTS log_build ON log(build);
CREATE TABLE IF NOT EXISTS grp(
    id TEXT PRIMARY KEY, parent TEXT, build TEXT, level INTEGER, facts TEXT);
CREATE INDEX IF NOT EXISTS grp_parent ON grp(parent);
CREATE TABLE IF NOT EXISTS verdict(grp TEXT, status TEXT, PRIMARY KEY(grp, status))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS regression(
    key TEXT PRIMARY KEY, id TEXT, length INTEGER, document TEXT, ran TEXT,
    failed REAL, passed REAL);
CREATE INDEX IF NOT EXISTS regression_ran ON regression(ran);
CREATE TABLE IF NOT EXISTS copy(id TEXT PRIMARY KEY, key TEXT);
"""
NAMES = ("job", "build", "log", "grp", "verdict", "regression", "copy")
ORDER = ("job", "build", "error_logs", "test_group", "test_regression", "test_case")
"""Regressions come before the cases that may have ended them."""


class Index:
    """Notes what each document says of others; the caller commits."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(TABLES)
        self._notes: dict[str, Callable[[Document], None]] = {
            "job": self._job,
            "build": self._build,
            "error_logs": self._log,
            "test_group": self._group,
            "test_case": self._case,
            "test_regression": self._regression,
        }

    def forget(self) -> None:
        """Start anew."""
        for name in NAMES:
            self._db.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names

    def note(self, collection: str, document: Document) -> None:
        """Note what a document says of others; without an id nothing can rest on it."""
        if id_of(document.get("_id")) is not None:
            said = {RENAMED.get(name, name): v for name, v in document.items()}
            self._notes[collection](said)

    def _job(self, said: Document) -> None:
        self.add_job(id_of(said.get("_id")), said, 0)

    def add_job(self, job_id: str | None, said: Document, made: int) -> None:
        """Note a revision: a document of its own, or `made` of those below it."""
        row = (job_id, key(said, REVISION), _dump(said, OF_REVISION), _seconds(said))
        self._put("job", *row, made)

    def _build(self, said: Document) -> None:
        self.add_build(id_of(said.get("_id")), said, 0)

    def add_build(self, build_id: str | None, said: Document, made: int) -> None:
        """Note a build: a document of its own, or `made` of those below it."""
        known = _dump(said, (*OF_REVISION, *OF_BUILD))
        self._put(
            "build",
            *(build_id, id_of(said.get("job_id")), key(said, BUILT), known),
            *(_seconds(said), str(said.get("status")), made),
        )

    def _log(self, said: Document) -> None:
        own, build = id_of(said.get("_id")), id_of(said.get("build_id"))
        self._put("log", own, build, json.dumps(findings(said)))

    def _group(self, said: Document) -> None:
        parent = id_of(said.get("parent_id"))
        known = _dump(said, (*OF_REVISION, *OF_BUILD, *OF_GROUP))
        group = (id_of(said.get("_id")), parent, id_of(said.get("build_id")))
        self._put("grp", *group, None if parent else 0, known)

    def _case(self, said: Document) -> None:
        group, status = id_of(said.get("test_group_id")), str(said.get("status"))
        row = (group, status)
        self._db.execute("INSERT OR IGNORE INTO verdict VALUES(?, ?)", row)
        if status == "PASS":
            self._db.execute(
                "UPDATE regression SET passed = max(coalesce(passed, 0), ?)"
                " WHERE ran = ?",
                (_seconds(said), key(said, RAN)),
            )

    def _regression(self, said: Document) -> None:
        """Keep the longest copy of a regression, and remember the others."""
        steps = said.get("regressions") or [{}]
        first = id_of(steps[0].get("test_case_id"))
        name = f"{key(said, RAN)} {said.get('hierarchy')} {first}"
        self._put("copy", own := id_of(said.get("_id")), name)
        failed = [
            _seconds({"created_on": said.get("created_on"), **step})
            for step in steps
            if step.get("status") == "FAIL"
        ]
        self._db.execute(
            "INSERT INTO regression VALUES(?, ?, ?, ?, ?, ?, NULL)"
            " ON CONFLICT DO UPDATE SET id = excluded.id, length = excluded.length,"
            " document = excluded.document, failed = excluded.failed"
            " WHERE excluded.length > length"
            " OR (excluded.length = length AND excluded.id > id)",
            (
                *(name, own, len(steps), json_util.dumps(said)),
                *(key(said, RAN), max(failed, default=0.0)),
            ),
        )

    def _put(self, table: str, *row: Any) -> None:
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES({marks})", row)


def _dump(said: Document, names: tuple[str, ...]) -> str:
    return json.dumps(facts(said, names))


def _seconds(said: Document) -> float:
    return born(said).timestamp()
