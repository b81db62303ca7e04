# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well the parser does on real logs, where a collection of them lies beside us."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kci_log_parser.scanner import scan

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "logs"
if not SAMPLES.is_dir():
    pytest.skip("there are no sample logs beside this tree", allow_module_level=True)


def samples() -> Iterator[tuple[set[str], set[str]]]:
    """Yield for each kernel and boot log the kinds that it has, and those found."""
    for row in map(json.loads, (SAMPLES / "index.jsonl").read_text().splitlines()):
        if row["category"] in {"kernel", "boot"} and row["kinds"] is not None:
            log = (SAMPLES / row["file"]).read_bytes()
            yield set(row["kinds"]), {found.kind for found in scan([log])}


def test_nearly_all_faults_are_found_by_their_right_kind_and_few_are_invented() -> None:
    expected = hits = alarms = clean = 0
    for wanted, found in samples():
        expected += len(wanted)
        hits += len(wanted & found)
        clean += not wanted
        alarms += not wanted and bool(found)
    assert hits / expected >= 0.97
    assert alarms / clean <= 0.03
