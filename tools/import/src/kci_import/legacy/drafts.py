# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all nodes from the legacy database have in common."""

import re
from datetime import datetime
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.fields import Facts, Reading
from kci_shared.models import Kind, Result, State

OWNER = "legacy-import"
SUBMITTER = "service:legacy-import"
UNKNOWN = "legacy_unknown"
"""The error code of what the legacy system could not say more of."""
VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-rc\d+)?")
VERDICTS = {"PASS": Result.PASS, "FAIL": Result.FAIL, "SKIP": Result.SKIP}


def draft(reading: Reading, kind: Kind, name: str, **fields: Any) -> Draft:
    """Return the node of a document, with all that nobody took out of it."""
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


def made(node_id: str, at: datetime, collection: str) -> Reading:
    """Return the reading of a document that is not there."""
    return Reading(collection, {"_id": node_id, "created_on": at})


def revision(said: Facts) -> dict[str, Any] | None:
    """Say a kernel revision in our words; None if not enough is known of it."""
    describe = said.get("git_describe") or said.get("kernel")
    verbose = said.get("git_describe_v")
    found = {
        "tree": said.get("job"),
        "url": said.get("git_url") or "",
        "branch": said.get("git_branch") or "",
        "commit": said.get("git_commit") or "",
        "describe": describe,
        "describe_verbose": verbose,
        "version": version(verbose or describe or ""),
    }
    if not found["tree"]:
        return None
    return {name: value for name, value in found.items() if value is not None}


def version(describe: str) -> dict[str, Any] | None:
    """Read the numbers out of what git calls a revision, as far as it says them."""
    found = VERSION.match(describe)
    if found is None:
        return None
    major, minor, sub, extra = found.groups()
    numbers = {"version": int(major), "patchlevel": int(minor)}
    rest = {"sublevel": sub and int(sub), "extra": extra}
    return {**numbers, **{name: value for name, value in rest.items() if value}}


def verdict(status: str | None) -> tuple[Result, str | None]:
    """Say a status in our words; what is none of them is a matter of the system."""
    if status in VERDICTS:
        return VERDICTS[status], None
    return Result.INCOMPLETE, UNKNOWN


def url(*parts: str | None) -> str | None:
    """Join the parts of a URL; None if one is missing."""
    known = [part.strip("/") for part in parts if part]
    return "/".join(known) if len(known) == len(parts) else None
