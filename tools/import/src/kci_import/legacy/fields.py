# SPDX-License-Identifier: LGPL-2.1-or-later
"""The legacy database's words: what identifies what, and what a document says."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bson import ObjectId

from kci_import.problems import Problem

COLLECTIONS = {
    "job": "job",
    "build": "build",
    "defconfig": "build",
    "error_logs": "error_logs",
    "test_group": "test_group",
    "test_suite": "test_group",
    "test_set": "test_group",
    "test_case": "test_case",
    "boot": "boot",
    "test_regression": "test_regression",
    "bisect": "bisect",
    "report": "report",
}
"""What is read, and as what: several were renamed over the years."""
RENAMED = {
    "test_suite_id": "parent_id",
    "test_suite_name": "suite_name",
    "defconfig_id": "build_id",
}
"""Keys of older documents."""

REVISION = ("job", "kernel", "git_branch")
BUILT = (*REVISION, "arch", "defconfig_full", "build_environment")
RAN = (
    *("job", "git_branch", "arch", "device_type", "lab_name"),
    *("defconfig_full", "build_environment", "test_case_path"),
)
"""What makes two test cases the same one of two revisions."""

OF_REVISION = (*REVISION, "git_commit", "git_url", "git_describe", "git_describe_v")
OF_BUILD = (
    *("arch", "defconfig", "defconfig_full", "build_environment", "compiler"),
    *("compiler_version", "compiler_version_full", "cross_compile"),
)
OF_GROUP = ("lab_name", "device_type", "mach", "plan")
"""What the documents below repeat."""

Facts = Mapping[str, Any]
EMPTY: tuple[Any, ...] = (None, "", [], {})


def key(document: Facts, names: tuple[str, ...]) -> str:
    """Name what has the same values under some keys."""
    return json.dumps([_text(document.get(name)) for name in names])


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def facts(document: Facts, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what a document says under some keys, as JSON can hold it."""
    return {
        name: value if isinstance(value, int | float) else str(value)
        for name in names
        if (value := document.get(name)) is not None
    }


def id_of(value: Any) -> str | None:
    """Return an id as text; None if it is none."""
    return str(value) if ObjectId.is_valid(value) else None


def made_id(at: datetime, *names: str) -> str:
    """Return the id of what has no document: always the same for the same."""
    seconds = max(0, min(int(at.timestamp()), 2**32 - 1))
    return (
        seconds.to_bytes(4, "big").hex() + sha256(repr(names).encode()).hexdigest()[:16]
    )


def time_of(value: Any) -> datetime | None:
    """Return a time; what has no offset is UTC."""
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def born(document: Facts) -> datetime:
    """Return when a document was created; its id knows, too."""
    created = time_of(document.get("created_on"))
    if created is not None:
        return created
    node_id = id_of(document.get("_id"))
    return (
        ObjectId(node_id).generation_time if node_id else datetime.fromtimestamp(0, UTC)
    )


class Reading:
    """A document that is being read: what nobody takes is kept as `extra`."""

    def __init__(self, collection: str, document: Facts) -> None:
        self.collection = collection
        self.problems: list[Problem] = []
        self._rest = {RENAMED.get(name, name): v for name, v in document.items()}
        self.id = id_of(self._rest.pop("_id", None)) or ""
        self.created = born(document)
        self.updated = time_of(self.take("updated_on")) or self.created
        self.take("created_on")

    def take(self, name: str) -> Any:
        """Return a value, which has found its place."""
        return self._rest.pop(name, None)

    def text(self, name: str) -> str | None:
        """Return a value as text; legacy wrote the word None, too."""
        value = self.take(name)
        return None if value in (None, "", "None") else str(value)

    def drop(self, *names: str) -> None:
        """Forget what says nothing, or what can be told from elsewhere."""
        for name in names:
            self._rest.pop(name, None)

    def forget(self, why: str) -> None:
        """Leave out all that nobody took, and tell."""
        for name in sorted(self._rest):
            if self._rest.pop(name) not in EMPTY:
                self.tell(name, f"left out: {why}")

    def inherit(self, above: Facts) -> None:
        """Drop what only repeats the document above; keep and tell what differs."""
        for name, value in above.items():
            own = self._rest.get(name)
            if own is None or str(own) == str(value):
                self._rest.pop(name, None)
            else:
                self.tell(name, f"is {own!r}, but {value!r} above it; kept as extra")

    def tell(self, field: str, said: str) -> None:
        """Note what did not fit."""
        self.problems.append(Problem(self.collection, self.id, field, said))

    def legacy(self, **more: Any) -> dict[str, Any]:
        """Return what is said of the document itself, and all that nobody took."""
        own = {"collection": self.collection, "version": self.take("version")}
        extra = {k: v for k, v in self._rest.items() if v not in EMPTY}
        said = {**own, **more, "extra": extra}
        return {name: value for name, value in said.items() if value}
