# SPDX-License-Identifier: LGPL-2.1-or-later
"""What holds for the house as a whole: read from the folders, from no list."""

from collections import defaultdict
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("shared/src", "services/*/src", "tools/*/src", "tests/fakes/src")
PACKAGES = sorted(
    package.parent.name
    for source in SOURCES
    for package in ROOT.glob(f"{source}/*/__init__.py")
)

OPEN = ("kci_shared.config.models", "kci_shared.config.placement")
"""The circle that is still to be opened: places become a function of the models."""

Graph = dict[str, set[str]]


@pytest.fixture(scope="module")
def imports() -> Graph:
    """Return which file of ours imports which; imports for type checkers count."""
    graph = grimp.build_graph(*PACKAGES)
    return {
        module: set(graph.find_modules_directly_imported_by(module))
        - ({OPEN[1]} if module == OPEN[0] else set())
        for module in graph.modules
    }


def packages_of(imports: Graph) -> Iterable[Graph]:
    """Yield, for each package, which of its parts imports which other."""
    graphs: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for importer, imported in imports.items():
        for module in imported:
            parent, part, other = diverge(importer, module)
            graphs[parent][part].add(other)
    return graphs.values()


def diverge(importer: str, imported: str) -> tuple[str, str, str]:
    """Return the package in which two modules lie, and the part of it that each is.

    A package that imports from below itself is a part of its own: its `__init__`.
    """
    names, others = importer.split("."), imported.split(".")
    same = 0
    while names[same : same + 1] == others[same : same + 1] != []:
        same += 1
    part, other = [*names, "__init__"][same], [*others, "__init__"][same]
    return ".".join(names[:same]), part, other


def circle(imports: Graph) -> list[str]:
    """Return one circle of imports, or nothing."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_file_imports_itself_by_way_of_others(imports: Graph) -> None:
    assert not circle(imports)


def test_no_package_imports_itself_by_way_of_others(imports: Graph) -> None:
    assert not [found for graph in packages_of(imports) if (found := circle(graph))]


def test_a_circle_between_files_is_seen() -> None:
    assert circle({"a.x": {"a.y"}, "a.y": {"a.z"}, "a.z": {"a.x"}})


def test_a_circle_between_packages_is_seen_where_no_file_has_one() -> None:
    imports = {"a.nodes.routes": {"a.users.rules"}, "a.users.routes": {"a.nodes.rules"}}
    assert not circle(imports)
    assert [graph for graph in packages_of(imports) if circle(graph)]
