# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a legacy document field by field, so that no field is lost by accident."""

from typing import Any

from kci_import.legacy.fields import EMPTY, RENAMED, Fields, created_at, id_of, time_of
from kci_import.problems import Problem


class Reading:
    """A document from which fields are taken; the rest is kept as `extra`."""

    def __init__(self, collection: str, document: Fields) -> None:
        self.collection = collection
        self.problems: list[Problem] = []
        self._rest = {RENAMED.get(name, name): v for name, v in document.items()}
        self.id = id_of(self._rest.pop("_id", None)) or ""
        self.created = created_at(document)
        self.updated = time_of(self.take("updated_on")) or self.created
        self.take("created_on")

    def take(self, name: str) -> Any:
        """Take a field; return its value, or None."""
        return self._rest.pop(name, None)

    def text(self, name: str) -> str | None:
        """Take a field as text; legacy also wrote the text `None`."""
        value = self.take(name)
        return None if value in (None, "", "None") else str(value)

    def drop(self, *names: str) -> None:
        """Drop fields that hold no information of their own."""
        for name in names:
            self._rest.pop(name, None)

    def drop_rest(self, reason: str) -> None:
        """Drop all fields that were not taken, with a note for each."""
        for name in sorted(self._rest):
            if self._rest.pop(name) not in EMPTY:
                self.note(name, f"left out: {reason}")

    def inherit(self, ancestor: Fields) -> None:
        """Drop values that repeat those of an ancestor; keep and note the others."""
        for name, value in ancestor.items():
            own = self._rest.get(name)
            if own is None or str(own) == str(value):
                self._rest.pop(name, None)
            else:
                self.note(name, f"{own!r} here, {value!r} above it; kept in extra")

    def note(self, field: str, message: str) -> None:
        """Note a problem with a field."""
        self.problems.append(Problem(self.collection, self.id, field, message))

    def legacy(self, **more: Any) -> dict[str, Any]:
        """Return `data.legacy`: where the document is from, and its other fields."""
        own = {"collection": self.collection, "version": self.take("version")}
        extra = {k: v for k, v in self._rest.items() if v not in EMPTY}
        fields = {**own, **more, "extra": extra}
        return {name: value for name, value in fields.items() if value}
