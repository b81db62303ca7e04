# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far an import has come, in a file that survives a kill."""

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
CREATE TABLE IF NOT EXISTS problem(source TEXT, id TEXT, field TEXT, said TEXT,
    PRIMARY KEY(source, id, field, said));
"""


class State:
    """The file of an import; each batch is noted in one step with what came of it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    @classmethod
    def open(cls, path: Path, source: str) -> Self:
        """Open the file of an import of `source`; one that ended starts anew."""
        state = cls(_open(path))
        if state.fact("source") not in (None, source):
            raise KciError(f"{path} belongs to {state.fact('source')}; name another")
        state.note("source", source)
        return state

    def fact(self, name: str) -> str | None:
        """Return what was noted under a name."""
        wanted = "SELECT value FROM fact WHERE name = ?"
        found = self.db.execute(wanted, (name,)).fetchone()
        return None if found is None else str(found[0])

    def note(self, name: str, value: str) -> None:
        """Note something under a name."""
        with self.db:
            self.db.execute("INSERT OR REPLACE INTO fact VALUES(?, ?)", (name, value))

    def place(self, step: str) -> int:
        """Return how many documents of a step are done."""
        wanted = "SELECT place FROM position WHERE step = ?"
        found = self.db.execute(wanted, (step,)).fetchone()
        return 0 if found is None else int(found[0])

    def move(self, step: str, place: int) -> None:
        """Note how far a step is; within the caller's transaction."""
        self.db.execute("INSERT OR REPLACE INTO position VALUES(?, ?)", (step, place))

    def count(self, step: str, fates: Counter[str]) -> None:
        """Add to what became of a step's nodes; within the caller's transaction."""
        self.db.executemany(
            "INSERT INTO tally VALUES(?, ?, ?)"
            " ON CONFLICT DO UPDATE SET n = n + excluded.n",
            [(step, fate, n) for fate, n in fates.items()],
        )

    def tell(self, problems: Iterable[Problem]) -> None:
        """Note problems, each once; within the caller's transaction."""
        self.db.executemany(
            "INSERT OR IGNORE INTO problem VALUES(?, ?, ?, ?)", map(astuple, problems)
        )

    def tallies(self) -> dict[str, Counter[str]]:
        """Return what became of the nodes of each step, in the order of the steps."""
        found: dict[str, Counter[str]] = {}
        for step, fate, n in self.db.execute("SELECT * FROM tally ORDER BY rowid"):
            found.setdefault(step, Counter())[fate] = n
        return found

    def problems(self) -> Iterator[Problem]:
        """Yield all that did not fit."""
        for row in self.db.execute("SELECT * FROM problem ORDER BY rowid"):
            yield Problem(*row)

    def restart(self) -> None:
        """Forget how far it came, and what came of it."""
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
    db.execute(
        "PRAGMA synchronous = NORMAL"
    )  # a kill loses nothing, a power cut little
    db.executescript(TABLES)
    return db
