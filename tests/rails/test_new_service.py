# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new service is one line in one list, and its own folder."""

import shutil
from collections.abc import Iterator

import pytest

from rails.conftest import House

pytestmark = pytest.mark.timeout(600)

LIST = "tools/local/src/kci_local/services.toml"
GENERATED = {
    ".importlinter",
    "README.md",
    "compose.yaml",
    "docs/architecture.md",
    "docs/settings.md",
    "pyproject.toml",
    "uv.lock",
}
"""What make writes: lists that are made from the one list, and the lock."""


@pytest.fixture
def made(house: House) -> Iterator[House]:
    """The copy with a new service in it."""
    house.must("make", "new-service", "NAME=tree-counter")
    yield house
    house.must("git", "checkout", "--quiet", "uv.lock", "pyproject.toml")
    shutil.rmtree(house.folder / "services" / "tree-counter")
    house.install()


def test_a_new_service_touches_one_list_and_its_own_folder(made: House) -> None:
    assert made.changed() - GENERATED == {LIST, "services/tree-counter/"}
    added = made.must("git", "diff", "--unified=0", LIST)
    lines = [line for line in added.splitlines() if line.startswith(("+", "-"))]
    assert lines[2:] == ["+", "+[tree-counter]"]


def test_a_new_service_passes_its_tests_and_every_check(made: House) -> None:
    made.must(made.tool("pytest"), "-q", "services/tree-counter")
    for target in ("lint", "types", "layers", "docs"):
        made.must("make", target)


def test_a_new_service_starts_and_says_what_it_does(made: House) -> None:
    output = made.must(made.tool("kci-tree-counter"), "--help")
    assert "kci-tree-counter: Note on each job how its tests ended." in output


@pytest.mark.parametrize("name", ["Tree", "tree_counter", "api", ""])
def test_a_name_that_cannot_be_is_refused(house: House, name: str) -> None:
    refused = house.run("make", "new-service", f"NAME={name}")
    assert refused.status != 0
    assert house.changed() == set()
