# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever a dump holds, each of its documents is here afterwards, or is told of."""

import json
import tempfile
from pathlib import Path
from typing import Any

from bson import encode, json_util
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.progress import Progress

from kci_import.checkpoint import State
from kci_import.legacy.dump import find_collections
from kci_import.legacy.importer import LegacyImport
from kci_import.writer import Writer

ROLES = ("job", "build", "test_group", "test_case", "test_regression", "bisect", "boot")
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | text
    | st.binary(max_size=4)
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_no_document_stops_an_import(
    data: st.DataObject, documents: dict[str, list[dict[str, Any]]], api: Any
) -> None:
    changed = json_util.loads(json.dumps(documents))
    for role in ROLES:
        for document in changed.setdefault(role, [{"_id": role}]):
            keys = st.sampled_from([*document, "parent_id", "status", "created_on"])
            for key in data.draw(st.lists(keys, max_size=3)):
                document[key] = data.draw(odd)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for role, all_of_it in changed.items():
            (place / f"{role}.bson").write_bytes(b"".join(map(encode, all_of_it)))
        state = State.open(place / "state.sqlite3", "x")
        api.nodes.clear()
        importer = LegacyImport(state, Writer(api), Progress(disable=True), 7)
        await importer.run(find_collections(place), "https://s.org")
        fates = state.tallies()
        for role in ROLES:
            of_role = [sum(n.values()) for step, n in fates.items() if step == role]
            if role not in ("test_group", "test_regression"):
                assert sum(of_role) == len(changed[role])
        lost = sum(n["refused"] + n["orphan"] for n in fates.values())
        told = [p for p in state.problems() if p.said.startswith("refused")]
        assert len(told) >= min(lost, 1)
        state.close()
