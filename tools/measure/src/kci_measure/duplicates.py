# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which files share a run of lines, verbatim."""

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from itertools import combinations

from kci_measure.sources import Source

RUN_LINES = 6
"""How many lines in a row make a duplicate."""
PUNCTUATION = set("()[]{}:,\"' ")
"""A line that has only these characters does not count."""

Line = tuple[int, str]


def duplicates(sources: Sequence[Source]) -> list[str]:
    """List the pairs of places that share six lines or more; each pair once.

    Blank lines, comments, imports and lone punctuation do not count, nor does
    indentation. Of one pair of files each run of lines is one duplicate.
    """
    places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    lines = [list(_counted(source)) for source in sources]
    for file, counted in enumerate(lines):
        for start in range(len(counted) - RUN_LINES + 1):
            run = tuple(text for _, text in counted[start : start + RUN_LINES])
            places[run].append((file, start))
    shared = {
        pair
        for where in places.values()
        for pair in combinations(where, 2)
        if pair[0][0] != pair[1][0]
    }
    return sorted(
        f"{_place(one, sources, lines)} ~ {_place(other, sources, lines)}"
        for one, other in shared
        if not _continues(one, other, shared)
    )


def _continues(
    one: tuple[int, int], other: tuple[int, int], shared: Set[object]
) -> bool:
    """Tell whether a shared run began a line before."""
    return ((one[0], one[1] - 1), (other[0], other[1] - 1)) in shared


def _place(
    where: tuple[int, int], sources: Sequence[Source], lines: list[list[Line]]
) -> str:
    file, start = where
    return f"{sources[file].name}:{lines[file][start][0]}"


def _counted(source: Source) -> Iterator[Line]:
    imported = False
    for number, line in enumerate(source.lines, start=1):
        text = " ".join(line.split())
        starts_import = text.startswith(("import ", "from ")) and line == line.lstrip()
        if starts_import or imported:
            imported = (imported or text.endswith("(")) and not text.endswith(")")
        elif text and not text.startswith("#") and not set(text) <= PUNCTUATION:
            yield number, text
