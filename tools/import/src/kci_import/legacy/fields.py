# SPDX-License-Identifier: LGPL-2.1-or-later
"""The legacy database's collections and fields, and how their values are read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bson import ObjectId

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
"""The collections that are imported, and their latest names."""
RENAMED = {
    "test_suite_id": "parent_id",
    "test_suite_name": "suite_name",
    "defconfig_id": "build_id",
}
"""Fields of older documents, and their latest names."""

REVISION_KEY = ("job", "kernel", "git_branch")
BUILD_KEY = (*REVISION_KEY, "arch", "defconfig_full", "build_environment")
TEST_KEY = (
    "job",
    "git_branch",
    "arch",
    "device_type",
    "lab_name",
    "defconfig_full",
    "build_environment",
    "test_case_path",
)
"""Fields that identify a revision, a build, and a test across revisions."""

REVISION_FIELDS = (
    *REVISION_KEY,
    "git_commit",
    "git_url",
    "git_describe",
    "git_describe_v",
)
BUILD_FIELDS = (
    "arch",
    "defconfig",
    "defconfig_full",
    "build_environment",
    "compiler",
    "compiler_version",
    "compiler_version_full",
    "cross_compile",
)
GROUP_FIELDS = ("lab_name", "device_type", "mach", "plan")
"""Fields of revisions, builds and groups that documents below them repeat."""

Fields = Mapping[str, Any]
"""Fields of a document, whose values may have any type."""
EMPTY: tuple[Any, ...] = (None, "", [], {})


def key_of(document: Fields, names: tuple[str, ...]) -> str:
    """Return a key that is equal for documents with equal values of some fields."""
    return json.dumps([_text(document.get(name)) for name in names])


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def select(document: Fields, names: tuple[str, ...]) -> dict[str, Any]:
    """Return some fields of a document, with values that JSON can hold."""
    return {
        name: value if isinstance(value, int | float) else str(value)
        for name in names
        if (value := document.get(name)) is not None
    }


def id_of(value: Any) -> str | None:
    """Return an object id as text, or None if the value is no object id."""
    return str(value) if ObjectId.is_valid(value) else None


def generated_id(at: datetime, *names: str) -> str:
    """Return the id of a node that has no document: equal for equal arguments."""
    seconds = max(0, min(int(at.timestamp()), 2**32 - 1))
    return (
        seconds.to_bytes(4, "big").hex() + sha256(repr(names).encode()).hexdigest()[:16]
    )


def time_of(value: Any) -> datetime | None:
    """Return a time, in UTC if it has no offset, or None if the value is no time."""
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def created_at(document: Fields) -> datetime:
    """Return when a document was created, by its date or else by its object id."""
    created = time_of(document.get("created_on"))
    if created is not None:
        return created
    node_id = id_of(document.get("_id"))
    return (
        ObjectId(node_id).generation_time if node_id else datetime.fromtimestamp(0, UTC)
    )
