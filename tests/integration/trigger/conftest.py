# SPDX-License-Identifier: LGPL-2.1-or-later
"""A git repository that the test makes, for the trigger to watch."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kci_fakes.repository import Repository

MAKEFILE = "# a kernel\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\nEXTRAVERSION =\n"


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[[str], Repository]:
    def make(name: str) -> Repository:
        repository = Repository.make(tmp_path / name)
        repository.write("Makefile", MAKEFILE)
        repository.write("init/main.c", "int main(void)\n{\n\treturn 0;\n}\n")
        return repository

    return make


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("linux")
