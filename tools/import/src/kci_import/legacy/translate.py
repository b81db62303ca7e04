# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the drafts of all legacy documents have in common; pure."""

import re
from datetime import datetime
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.document_reader import Reading
from kci_import.legacy.fields import Fields
from kci_shared.models import Kind, Result, State

OWNER = "legacy-import"
SUBMITTER = "service:legacy-import"
UNKNOWN_ERROR = "legacy_unknown"
"""Error code of an incomplete document: legacy stored none."""
VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-rc\d+)?")
RESULTS = {"PASS": Result.PASS, "FAIL": Result.FAIL, "SKIP": Result.SKIP}


def draft(reading: Reading, kind: Kind, name: str, **fields: Any) -> Draft:
    """Return the draft of a document, including the fields that were not taken."""
    data = {k: v for k, v in fields.pop("data", {}).items() if v not in (None, {})}
    legacy = reading.legacy(**fields.pop("legacy", {}))
    return Draft(
        source=reading.collection,
        id=reading.id,
        owner=OWNER,
        created=reading.created,
        updated=reading.updated,
        fields={
            "kind": kind,
            "name": name,
            "state": State.DONE,
            "submitter": SUBMITTER,
            "data": {**data, "legacy": legacy},
            **{key: value for key, value in fields.items() if value is not None},
        },
        aside="legacy",
    )


def placeholder(node_id: str, at: datetime, collection: str) -> Reading:
    """Return the reading of a document that is missing in the dump."""
    return Reading(collection, {"_id": node_id, "created_on": at})


def revision(document: Fields) -> dict[str, Any] | None:
    """Return the kernel revision in a document, or None if it names no tree."""
    describe = document.get("git_describe") or document.get("kernel")
    verbose = document.get("git_describe_v")
    fields = {
        "tree": document.get("job"),
        "url": document.get("git_url") or "",
        "branch": document.get("git_branch") or "",
        "commit": document.get("git_commit") or "",
        "describe": describe,
        "describe_verbose": verbose,
        "version": version(verbose or describe or ""),
    }
    if not fields["tree"]:
        return None
    return {name: value for name, value in fields.items() if value is not None}


def version(describe: str) -> dict[str, Any] | None:
    """Return the version numbers in the output of `git describe`, or None."""
    match = VERSION.match(describe)
    if match is None:
        return None
    major, minor, sub, extra = match.groups()
    numbers = {"version": int(major), "patchlevel": int(minor)}
    optional = {"sublevel": sub and int(sub), "extra": extra}
    return {**numbers, **{name: value for name, value in optional.items() if value}}


def result_of(status: str | None) -> tuple[Result, str | None]:
    """Return result and error code of a legacy status."""
    if status in RESULTS:
        return RESULTS[status], None
    return Result.INCOMPLETE, UNKNOWN_ERROR


def url(*parts: str | None) -> str | None:
    """Join the parts of a URL; return None if one is missing."""
    existing = [part.strip("/") for part in parts if part]
    return "/".join(existing) if len(existing) == len(parts) else None
