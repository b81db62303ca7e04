# SPDX-License-Identifier: LGPL-2.1-or-later
"""The database of LAVA: a PostgreSQL in a folder of its own."""

import shutil
from pathlib import Path

from labs.lava.system import NoLava, run_as

BIN = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"
NAME = "lavaserver"
"""Of the database, and of the role that owns it."""


class Postgres:
    """A PostgreSQL that trusts every connection from loopback."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._control: list[str | Path] = [BIN / "pg_ctl", "-D", folder, "-s", "-w"]

    @property
    def exists(self) -> bool:
        """Whether the database exists."""
        return self._folder.exists()

    @property
    def connection(self) -> dict[str, object]:
        """Django's settings for it."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": NAME,
            "USER": NAME,
            "PASSWORD": "none",
            "HOST": "127.0.0.1",
            "PORT": self._port,
        }

    def start(self) -> None:
        """Create it if it does not exist, and start it unless it runs."""
        if not self.exists:
            self._folder.mkdir(mode=0o700)
            shutil.chown(self._folder, USER, USER)
            run_as(USER, BIN / "initdb", "-D", self._folder, "-A", "trust", "-N")
        if not self._runs:
            options = f"-F -p {self._port} -k {self._folder} -h 127.0.0.1"
            log = self._folder / "log"
            run_as(USER, *self._control, "-l", log, "-o", options, "start")
        if not (self._folder / "made").exists():
            self._query(f"create role {NAME} login")
            self._query(f"create database {NAME} owner {NAME}")
            (self._folder / "made").touch()

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._runs:
            run_as(USER, *self._control, "-m", "fast", "stop")

    @property
    def _runs(self) -> bool:
        try:
            run_as(USER, *self._control, "status")
        except NoLava:
            return False
        return True

    def _query(self, statement: str) -> None:
        where = ["-h", "127.0.0.1", "-p", str(self._port)]
        run_as(USER, BIN / "psql", *where, "-qc", statement)
