# SPDX-License-Identifier: LGPL-2.1-or-later
"""Indexes what documents of a dump need from each other, in SQLite.

A first pass over the dump fills the index, so that a second pass can translate each
document. Neither pass holds the dump in memory.
"""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from bson import json_util

from kci_import.legacy.build_logs import read_log
from kci_import.legacy.dump import Document
from kci_import.legacy.fields import (
    BUILD_FIELDS,
    BUILD_KEY,
    GROUP_FIELDS,
    RENAMED,
    REVISION_FIELDS,
    REVISION_KEY,
    TEST_KEY,
    created_at,
    id_of,
    key_of,
    select,
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
TABLE_NAMES = ("job", "build", "log", "grp", "verdict", "regression", "copy")
NOT_GENERATED = 0
"""Value of `made` for a row that has a document in the dump."""
ORDER = ("job", "build", "error_logs", "test_group", "test_regression", "test_case")
"""In which order collections are indexed: regressions before the tests of their fix."""


class Index:
    """The index; the caller commits."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(TABLES)
        self._adders: dict[str, Callable[[Document], None]] = {
            "job": self._add_job,
            "build": self._add_build,
            "error_logs": self._add_log,
            "test_group": self._add_group,
            "test_case": self._add_case,
            "test_regression": self._add_regression,
        }

    def clear(self) -> None:
        """Remove all entries."""
        for name in TABLE_NAMES:
            self._db.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names

    def add(self, collection: str, document: Document) -> None:
        """Add a document; one without an id is ignored, as nothing can refer to it."""
        if id_of(document.get("_id")) is not None:
            renamed = {RENAMED.get(name, name): v for name, v in document.items()}
            self._adders[collection](renamed)

    def _add_job(self, document: Document) -> None:
        self._put(
            "job",
            id_of(document.get("_id")),
            key_of(document, REVISION_KEY),
            _dump(document, REVISION_FIELDS),
            _created_s(document),
            NOT_GENERATED,
        )

    def _add_build(self, document: Document) -> None:
        self._put(
            "build",
            id_of(document.get("_id")),
            id_of(document.get("job_id")),
            key_of(document, BUILD_KEY),
            _dump(document, (*REVISION_FIELDS, *BUILD_FIELDS)),
            _created_s(document),
            str(document.get("status")),
            NOT_GENERATED,
        )

    def _add_log(self, document: Document) -> None:
        own, build = id_of(document.get("_id")), id_of(document.get("build_id"))
        self._put("log", own, build, json.dumps(read_log(document)))

    def _add_group(self, document: Document) -> None:
        parent = id_of(document.get("parent_id"))
        self._put(
            "grp",
            id_of(document.get("_id")),
            parent,
            id_of(document.get("build_id")),
            None if parent else 0,
            _dump(document, (*REVISION_FIELDS, *BUILD_FIELDS, *GROUP_FIELDS)),
        )

    def _add_case(self, document: Document) -> None:
        group = id_of(document.get("test_group_id"))
        status = str(document.get("status"))
        self._db.execute("INSERT OR IGNORE INTO verdict VALUES(?, ?)", (group, status))
        if status == "PASS":
            self._db.execute(
                "UPDATE regression SET passed = max(coalesce(passed, 0), ?)"
                " WHERE ran = ?",
                (_created_s(document), key_of(document, TEST_KEY)),
            )

    def _add_regression(self, document: Document) -> None:
        """Keep the longest copy of a regression, and the ids of the others."""
        runs = document.get("regressions") or [{}]
        first = id_of(runs[0].get("test_case_id"))
        test_key = key_of(document, TEST_KEY)
        key = f"{test_key} {document.get('hierarchy')} {first}"
        own = id_of(document.get("_id"))
        self._put("copy", own, key)
        self._db.execute(
            "INSERT INTO regression VALUES(?, ?, ?, ?, ?, ?, NULL)"
            " ON CONFLICT DO UPDATE SET id = excluded.id, length = excluded.length,"
            " document = excluded.document, failed = excluded.failed"
            " WHERE excluded.length > length"
            " OR (excluded.length = length AND excluded.id > id)",
            (
                key,
                own,
                len(runs),
                json_util.dumps(document),
                test_key,
                _last_failure_s(document),
            ),
        )

    def _put(self, table: str, *row: Any) -> None:
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES({marks})", row)


def _last_failure_s(regression: Document) -> float:
    """Return when the regression's test failed last, or 0."""
    own = {"created_on": regression.get("created_on")}
    runs = regression.get("regressions") or ()
    failures_s = [_created_s(own | run) for run in runs if run.get("status") == "FAIL"]
    return max(failures_s, default=0.0)


def _dump(document: Document, names: tuple[str, ...]) -> str:
    return json.dumps(select(document, names))


def _created_s(document: Document) -> float:
    return created_at(document).timestamp()
