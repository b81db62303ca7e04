# SPDX-License-Identifier: LGPL-2.1-or-later
"""Orders drafts so that each comes after those it refers to; pure."""

from collections.abc import Sequence

from kci_import.fit import Draft


def in_order(drafts: Sequence[Draft]) -> list[Draft]:
    """Return drafts after those that they refer to; cycles are broken anywhere."""
    by_id = {draft.id: draft for draft in drafts}
    ordered: dict[str, Draft] = {}
    for draft in drafts:
        waiting = [draft]
        while waiting:
            one = waiting.pop()
            missing = [
                by_id[id_]
                for id_ in _references(one)
                if id_ in by_id and id_ not in ordered and by_id[id_] not in waiting
            ]
            if missing and one not in missing:
                waiting += [one, *missing]
            else:
                ordered.setdefault(one.id, one)
    return list(ordered.values())


def _references(draft: Draft) -> list[str]:
    """Return the ids of a node's parent and, for a regression, its failed node."""
    data = draft.fields.get("data", {})
    ids = (draft.fields.get("parent"), data.get("fail_node"))
    return [str(id_) for id_ in ids if id_]
