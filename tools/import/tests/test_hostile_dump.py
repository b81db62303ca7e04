# SPDX-License-Identifier: LGPL-2.1-or-later
"""For any dump, each document is imported or reported."""

import json
import tempfile
from pathlib import Path

from bson import encode, json_util
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_fakes import Documents, Outcome, TargetApi
from rich.progress import Progress

from kci_import.checkpoint import Checkpoint
from kci_import.legacy.dump import find_collections
from kci_import.legacy.importer import LegacyImport
from kci_import.writer import Writer

ROLES = ("job", "build", "test_group", "test_case", "test_regression", "bisect", "boot")
REPORTED_ONLY = ("lab", "api-token")
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
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_no_document_stops_an_import(
    data: st.DataObject, documents: Documents, api: TargetApi
) -> None:
    changed = json_util.loads(json.dumps(documents))
    for role in (*ROLES, *REPORTED_ONLY):
        for document in changed.setdefault(role, [{"_id": role}]):
            keys = st.sampled_from([*document, "parent_id", "status", "created_on"])
            for key in data.draw(st.lists(keys, max_size=3)):
                document[key] = data.draw(odd)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder)
        for role, changed_documents in changed.items():
            content = b"".join(map(encode, changed_documents))
            (dump / f"{role}.bson").write_bytes(content)
        checkpoint = Checkpoint.open(dump / "state.sqlite3", "x")
        api.imported.clear()
        importer = LegacyImport(checkpoint, Writer(api), Progress(disable=True), 7)
        await importer.run(find_collections(dump), "https://s.org")
        fates = checkpoint.counts()
        for role in ROLES:
            of_role = [sum(n.values()) for step, n in fates.items() if step == role]
            if role not in ("test_group", "test_regression"):
                assert sum(of_role) == len(changed[role])
        lost = Outcome(checkpoint).fates
        messages = [problem.message for problem in checkpoint.problems()]
        reported = sum(message.startswith("refused") for message in messages)
        assert reported >= min(lost["refused"] + lost["orphan"], 1)
        checkpoint.close()
