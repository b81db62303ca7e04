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


def samples(*categories: str) -> Iterator[tuple[set[str], set[str]]]:
    """Yield for each log of some categories the kinds that it has, and those found."""
    for row in map(json.loads, (SAMPLES / "index.jsonl").read_text().splitlines()):
        if row["category"] in categories and row["kinds"] is not None:
            log = (SAMPLES / row["file"]).read_bytes()
            yield set(row["kinds"]), {found.kind for found in scan([log])}


@pytest.mark.parametrize("categories", [("kernel", "boot"), ("build",)])
def test_nearly_all_is_found_by_its_right_kind_and_little_is_invented(
    categories: tuple[str, ...],
) -> None:
    expected = hits = anything = alarms = clean = 0
    for kinds, found in samples(*categories):
        expected += len(kinds)
        hits += len(kinds & found)
        anything += len(kinds) if found else 0
        clean += not kinds
        alarms += not kinds and bool(found)
    assert hits / expected >= 0.97
    assert anything / expected >= 0.99
    assert alarms / clean <= 0.03
