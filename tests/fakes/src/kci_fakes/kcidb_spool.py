# SPDX-License-Identifier: LGPL-2.1-or-later
"""Submissions as files, as KCIDB keeps them until they are ingested."""

import json
import secrets
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

Validate = Callable[[Any], Any]
"""Raises an exception for a report that the schema does not allow."""

ALPHANUMERIC = string.ascii_letters + string.digits


class Spool:
    """A folder: `submission-ID.json` waits, `archive/` is valid, `failed/` is not."""

    def __init__(self, folder: Path, validate: Validate) -> None:
        self.folder = folder
        self._validate = validate
        for name in ("archive", "failed"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def store(self, body: bytes) -> str:
        """Keep a submission; return its random name."""
        name = "".join(secrets.choice(ALPHANUMERIC) for _ in range(32))
        part = self.folder / f"submission-{name}.json.temp"
        part.write_bytes(body)
        part.replace(part.with_suffix(""))
        return name

    def status(self, name: str) -> str | None:
        """Return how far a submission has come, or None if it does not exist."""
        file = f"submission-{name}.json"
        places = {
            "inprogress": self.folder / f"{file}.temp",
            "ready": self.folder / file,
            "processed": self.folder / "archive" / file,
            "failed": self.folder / "failed" / file,
        }
        return next((word for word, path in places.items() if path.exists()), None)

    def waiting(self) -> list[Path]:
        """Return the files that have not been ingested yet."""
        return list(self.folder.glob("submission-*.json"))

    def ingest(self) -> None:
        """Validate what waits, and move it to `archive/` or `failed/`."""
        for path in self.waiting():
            place = "archive" if self._is_good(path) else "failed"
            path.replace(self.folder / place / path.name)

    def _is_good(self, path: Path) -> bool:
        try:
            report = json.loads(path.read_bytes())
            self._validate(report)
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error)[:500]}"
            print(f"{path.name} failed: {reason}", flush=True)
            return False
        return not _kills_the_database(report)


def _kills_the_database(report: Any) -> bool:
    """Tell whether PostgreSQL refuses a report that the schema allows."""
    text = json.dumps(report)
    checkouts = report.get("checkouts", [])
    return "\\u0000" in text or any("start_time" not in row for row in checkouts)


def check_version(report: Any) -> None:
    """Check nothing of a report but its version."""
    if report["version"]["major"] != 5:
        raise ValueError("the report's major version is not 5")


def schema_validator() -> Validate:
    """Return the validator of KCIDB's own library, which is optional."""
    try:
        from kcidb_io import schema
    except ImportError as error:
        raise SystemExit(
            "--validate needs the package kcidb-io: pip install kcidb-io"
        ) from error
    validate: Validate = schema.LATEST.validate
    return validate
