# SPDX-License-Identifier: LGPL-2.1-or-later
"""The progress of an import, in an SQLite file that survives a kill."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Self

from kci_import.problems import Problem
from kci_shared.errors import KciError

TABLES = """
CREATE TABLE IF NOT EXISTS fact(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS position(step TEXT PRIMARY KEY, place INTEGER);
CREATE TABLE IF NOT EXISTS tally(step TEXT, fate TEXT, n INTEGER,
    PRIMARY KEY(step, fate));
CREATE TABLE IF NOT EXISTS problem(source TEXT, id TEXT, field TEXT, message TEXT,
    PRIMARY KEY(source, id, field, message));
"""


class Checkpoint:
    """Position, counts and problems so far; each batch updates them in a transaction.

    Methods that say so leave the transaction to the caller.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    @classmethod
    def open(cls, path: Path, source: str) -> Self:
        """Open the file of an import; raise `KciError` if its source is another one."""
        checkpoint = cls(_open(path))
        existing = checkpoint.value("source")
        if existing not in (None, source):
            raise KciError(
                f"{path} holds the import of another source: {existing};"
                " pass another folder with --state"
            )
        checkpoint.set_value("source", source)
        return checkpoint

    def value(self, name: str) -> str | None:
        """Return a named value, or None."""
        query = "SELECT value FROM fact WHERE name = ?"
        row = self.db.execute(query, (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_value(self, name: str, value: str) -> None:
        """Store a named value."""
        with self.db:
            self.db.execute("INSERT OR REPLACE INTO fact VALUES(?, ?)", (name, value))

    def position(self, step: str) -> int:
        """Return how many documents of a step are done."""
        query = "SELECT place FROM position WHERE step = ?"
        row = self.db.execute(query, (step,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_position(self, step: str, position: int) -> None:
        """Store how many documents of a step are done; in the caller's transaction."""
        self.db.execute(
            "INSERT OR REPLACE INTO position VALUES(?, ?)", (step, position)
        )

    def count(self, step: str, fates: Counter[str]) -> None:
        """Add to a step's number of nodes by fate; in the caller's transaction."""
        self.db.executemany(
            "INSERT INTO tally VALUES(?, ?, ?)"
            " ON CONFLICT DO UPDATE SET n = n + excluded.n",
            [(step, fate, n) for fate, n in fates.items()],
        )

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Store problems, each once; in the caller's transaction."""
        self.db.executemany(
            "INSERT OR IGNORE INTO problem VALUES(?, ?, ?, ?)", map(astuple, problems)
        )

    def counts(self) -> dict[str, Counter[str]]:
        """Return the number of nodes by fate for each step, in the steps' order."""
        counts: dict[str, Counter[str]] = {}
        for step, fate, n in self.db.execute("SELECT * FROM tally ORDER BY rowid"):
            counts.setdefault(step, Counter())[fate] = n
        return counts

    def problems(self) -> Iterator[Problem]:
        """Yield all problems, in the order of their discovery."""
        for row in self.db.execute("SELECT * FROM problem ORDER BY rowid"):
            yield Problem(*row)

    def restart(self) -> None:
        """Forget positions, counts and problems."""
        with self.db:
            for table in ("position", "tally", "problem"):
                self.db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    # a kill loses nothing; a power failure may lose the last transactions
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(TABLES)
    return db
