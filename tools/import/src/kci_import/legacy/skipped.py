# SPDX-License-Identifier: LGPL-2.1-or-later
"""What of a dump is not imported: told, with what to do instead.

No secret and no address leaves the dump: not even the report names one.
"""

from collections.abc import Callable, Iterator

from kci_import.legacy.dump import Collection, Document, Unreadable
from kci_import.legacy.fields import id_of
from kci_import.problems import Problem

DERIVED = "it can be told from the nodes"
REASONS = {
    "errors_summary": DERIVED,
    "daily_stats": DERIVED,
    "job_delta": DERIVED,
    "build_delta": DERIVED,
    "boot_delta": DERIVED,
}
UNKNOWN = "nobody knows this collection"
SCOPES = {0: "admin", 1: "admin", 3: "nodes:write", 7: "runtime", 9: "runtime"}
"""What the places of a legacy token's properties mean to us."""


def left_out(collection: Collection) -> Iterator[Problem]:
    """Yield what is to be said of a collection that is not imported."""
    if (tell := BY_HAND.get(collection.name)) is not None:
        for document in collection.documents():
            if not isinstance(document, Unreadable):
                said = tell(document)
                yield Problem(collection.name, _id(document), "", said)
        return
    number = sum(1 for _ in collection.documents())
    reason = REASONS.get(collection.name, UNKNOWN)
    yield Problem(collection.name, "", "", f"{number} documents left out: {reason}")


def _lab(document: Document) -> str:
    name = document.get("name")
    private = ", a private one," if document.get("private") else ""
    return (
        f"by hand: the lab {name}{private} needs a new token:"
        f" kci-api token create {name} --scope runtime:{name}"
    )


def _token(document: Document) -> str:
    places = document.get("properties") or []
    scopes = sorted({scope for n, scope in SCOPES.items() if places[n : n + 1] == [1]})
    expired = "expired; " if document.get("expired") else ""
    return f"by hand: {expired}give its owner a new one; scopes: {', '.join(scopes)}"


BY_HAND: dict[str, Callable[[Document], str]] = {
    "lab": _lab,
    "api-token": _token,
    "api_token": _token,
}


def _id(document: Document) -> str:
    return id_of(document.get("_id")) or ""
