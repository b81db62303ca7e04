# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API to import into, a checkpoint, and a dump of a few documents."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from import_fakes import Documents, TargetApi, WriteDump, read_dump, write_dump

from kci_import.checkpoint import Checkpoint


@pytest.fixture
def api() -> TargetApi:
    return TargetApi()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    checkpoint = Checkpoint.open(tmp_path / "state.sqlite3", "a source")
    yield checkpoint
    checkpoint.close()


@pytest.fixture
def documents() -> Documents:
    return read_dump()


@pytest.fixture(name="write_dump")
def write_dump_fixture(tmp_path: Path) -> WriteDump:
    return partial(write_dump, tmp_path / "dump")
