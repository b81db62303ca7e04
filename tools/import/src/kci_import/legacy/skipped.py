# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports the collections of a dump that are not imported, and what to do instead.

The report names no secret and no mail address.
"""

from collections.abc import Callable, Iterator

from kci_import.legacy.dump import Collection, Document, Unreadable
from kci_import.legacy.fields import id_of
from kci_import.problems import Problem

DERIVED = frozenset(
    {
        "errors_summary",
        "daily_stats",
        "job_delta",
        "build_delta",
        "boot_delta",
    }
)
"""Collections whose content follows from the nodes."""
SCOPES = {0: "admin", 1: "admin", 3: "nodes:write", 7: "runtime", 9: "runtime"}
"""Our scopes, by the positions of a legacy token's properties."""


def problems_of_skipped(collection: Collection) -> Iterator[Problem]:
    """Yield a problem for each lab and token, or one for the whole collection."""
    if (instruction := INSTRUCTIONS.get(collection.name)) is not None:
        for document in collection.documents():
            if not isinstance(document, Unreadable):
                document_id = id_of(document.get("_id")) or ""
                yield Problem(collection.name, document_id, "", instruction(document))
        return
    number = sum(1 for _ in collection.documents())
    derived = collection.name in DERIVED
    reason = "they follow from the nodes" if derived else "unknown collection"
    yield Problem(collection.name, "", "", f"left out: {number} documents: {reason}")


def _create_lab_token(lab: Document) -> str:
    name = lab.get("name")
    private = " (private)" if lab.get("private") else ""
    return (
        f"to do: create a token for lab {name}{private}:"
        f" kci-api token create {name} --scope runtime:{name}"
    )


def _create_token(token: Document) -> str:
    properties = token.get("properties")
    flags = properties if isinstance(properties, list) else []
    positions = [n for n in SCOPES if flags[n : n + 1] == [1]]
    scopes = ", ".join(sorted({SCOPES[n] for n in positions}))
    expired = " (it has expired)" if token.get("expired") else ""
    return f"to do: create a token for its owner{expired}, with scopes: {scopes}"


INSTRUCTIONS: dict[str, Callable[[Document], str]] = {
    "lab": _create_lab_token,
    "api-token": _create_token,
    "api_token": _create_token,
}
"""What a person must do for each document of a collection."""
