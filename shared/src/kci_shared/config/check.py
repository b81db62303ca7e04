# SPDX-License-Identifier: LGPL-2.1-or-later
"""What no schema can say: references lead somewhere, and nothing waits for itself."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from kci_shared.config.models import BUILD, Config, Platform
from kci_shared.config.placement import unfit
from kci_shared.config.problems import suggest
from kci_shared.config.source import Where
from kci_shared.config.when import When

Complaint = tuple[Where, str, str]
"""Where, what, and the remedy."""


def complaints(config: Config) -> Iterator[Complaint]:
    """Find every reference that dangles, every circle, and what can never run."""
    yield from _builds(config)
    yield from _needs(config)
    yield from _circles(config)
    yield from _platforms(config)
    yield from _labs(config)
    for section, entries in (("tests", config.tests), ("labs", config.labs)):
        for name, entry in entries.items():
            yield from _trees(config, entry.when, (section, name, "when"))


def _builds(config: Config) -> Iterator[Complaint]:
    first: dict[str, str] = {}
    for built in config.matrix():
        where: Where = ("builds", built.entry)
        if first.setdefault(built.name, built.entry) != built.entry:
            what = f"'{first[built.name]}' makes '{built.name}' too"
            yield where, what, "take it out of one of them"
    for name, build in config.builds.items():
        if not build.external:
            what = f"nobody here can build '{name}'"
            yield ("builds", name), what, "write `external: true`"


def _needs(config: Config) -> Iterator[Complaint]:
    known = [*config.tests, *(BUILD + name for name in config.builds)]
    for name, test in config.tests.items():
        for need in test.needs:
            if need not in known:
                where = ("tests", name, "needs", need)
                what = f"test '{name}' needs '{need}', which there is not"
                yield where, what, suggest(need, known)


def _circles(config: Config) -> Iterator[Complaint]:
    cleared: set[str] = set()
    for name in config.tests:
        if circle := _circle(config, [name], cleared):
            cleared |= set(circle)
            what = f"{' needs '.join(circle)}: a circle"
            yield ("tests", circle[0], "needs"), what, "take one of the needs out"


def _circle(config: Config, way: list[str], cleared: set[str]) -> list[str]:
    """Follow the needs from the end of `way`; return a circle's names, or nothing."""
    test = config.tests.get(way[-1])
    for need in test.needs if test else ():
        if need in way:
            return [*way[way.index(need) :], need]
        if need not in cleared and (circle := _circle(config, [*way, need], cleared)):
            return circle
    cleared.add(way[-1])
    return []


def _platforms(config: Config) -> Iterator[Complaint]:
    for name, test in config.tests.items():
        strange = [key for key in test.on if key not in Platform.model_fields]
        for key in strange:
            what = f"platforms have no '{key}'"
            yield ("tests", name, "on", key), what, suggest(key, Platform.model_fields)
        if test.on and not strange and not _some_fit(config, test.on):
            what = f"no platform is as test '{name}' wants it"
            yield ("tests", name, "on"), what, "change `on`, or add a platform"


def _some_fit(config: Config, on: dict[str, list[str]]) -> bool:
    return any(not [*unfit(platform, on)] for platform in config.platforms.values())


def _labs(config: Config) -> Iterator[Complaint]:
    for name, lab in config.labs.items():
        for number, platform in enumerate(lab.platforms):
            if platform not in config.platforms:
                where: Where = ("labs", name, "platforms", number)
                what = f"lab '{name}' has platform '{platform}', which there is not"
                yield where, what, suggest(platform, config.platforms)
        for number, pattern in enumerate(lab.tests):
            if pattern != "*" and not _some_match(pattern, config.tests):
                where = ("labs", name, "tests", number)
                what = f"lab '{name}' takes '{pattern}', and no test is called so"
                yield where, what, suggest(pattern, config.tests)


def _trees(config: Config, when: When, where: Where) -> Iterator[Complaint]:
    for key, rules in (("tree", when.tree), ("branch", when.branch)):
        for number, rule in enumerate(rules):
            tree, colon, _ = rule.removeprefix("!").partition(":")
            if (key == "tree" or colon) and not _some_match(tree, config.trees):
                what = f"'{rule}' names a tree that there is not"
                yield (*where, key, number), what, suggest(tree, config.trees)


def _some_match(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)
