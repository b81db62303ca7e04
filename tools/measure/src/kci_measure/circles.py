# SPDX-License-Identifier: LGPL-2.1-or-later
"""Circles of imports, between modules or between packages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import grimp

Imports = Mapping[str, set[str]]


def circles(packages: Sequence[str]) -> list[str]:
    """List the circles: of modules, and of siblings within each package.

    Two packages form a circle if a module of each imports one of the other. At most
    one circle is listed for each package: break it, and measure again.
    """
    graph = grimp.build_graph(
        packages[0], *packages[1:], cache_dir=None, exclude_type_checking_imports=False
    )
    arrows = [
        (module, imported)
        for module in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(module))
    ]
    return circles_of(arrows)


def circles_of(arrows: Iterable[tuple[str, str]]) -> list[str]:
    """List the circles of imports, given as pairs of importer and imported module."""
    siblings: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    modules: dict[str, set[str]] = defaultdict(set)
    for importer, imported in arrows:
        modules[importer].add(imported)
        parent, one, other = diverge(importer, imported)
        siblings[parent][f"{parent}.{one}"].add(f"{parent}.{other}")
    graphs: list[Imports] = [modules, *(siblings[name] for name in sorted(siblings))]
    found = (_circle(graph) for graph in graphs)
    return sorted({circle for circle in found if circle})


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


def _circle(imports: Imports) -> str | None:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        # it lists who is imported first, and the first one again at the end
        return " → ".join(reversed(error.args[1]))
    return None
