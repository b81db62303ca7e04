# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks across entries: unknown names, cycles, tests that can never run."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from kci_shared.config.builds import BUILDER, identity
from kci_shared.config.candidate import BUILD
from kci_shared.config.models import CHECKOUT, Config
from kci_shared.config.placement import ATTRIBUTES, fitness
from kci_shared.config.when import When
from kci_shared.problems import suggest
from kci_shared.yaml_reader import Where

Complaint = tuple[Where, str, str]
"""Where, what, and the remedy."""


def complaints(config: Config) -> Iterator[Complaint]:
    """Find unknown names, circles of needs, and tests that can never run."""
    yield from _builds(config)
    yield from _needs(config)
    yield from _circles(config)
    yield from _tests(config)
    yield from _on(config)
    yield from _labs(config)
    for section in ("builds", "tests", "templates", "platforms", "labs"):
        for name, entry in getattr(config, section).items():
            yield from _when(config, entry.when, (section, name, "when"))


def _builds(config: Config) -> Iterator[Complaint]:
    for name, build in config.builds.items():
        for fragment in build.fragments:
            if "=" not in fragment and fragment not in config.fragments:
                what = f"build '{name}' has unknown fragment '{fragment}'"
                remedy = suggest(fragment, config.fragments)
                yield ("builds", name, "fragments", fragment), what, remedy
        yield from _run(config, build.run, ("builds", name, "run"))
    for name, shared in config.built.items():
        made = {
            identity(config.builds[one.entry].definition(one, config.fragments))
            for one in shared
        }
        if len(made) > 1:
            first, *others = shared
            what = f"'{first.entry}' also makes '{name}', but differently"
            where: Where = ("builds", others[-1].entry)
            yield where, what, "give them the same targets and variables"


def _run(config: Config, run: str, where: Where) -> Iterator[Complaint]:
    if run != BUILDER and run not in config.labs:
        what = f"unknown runtime '{run}'"
        yield where, what, suggest(run, [BUILDER, *config.labs])


def _needs(config: Config) -> Iterator[Complaint]:
    known = {CHECKOUT, *config.tests, *(BUILD + name for name in config.builds)}
    for name, test in config.tests.items():
        for need in test.needs:
            if need not in known:
                where = ("tests", name, "needs", need)
                what = f"test '{name}' needs unknown '{need}'"
                yield where, what, suggest(need, known)


def _circles(config: Config) -> Iterator[Complaint]:
    cleared: set[str] = set()
    for name in config.tests:
        if circle := _circle(config, [name], cleared):
            cleared |= set(circle)
            what = f"{' needs '.join(circle)}: a cycle"
            yield ("tests", circle[0], "needs"), what, "remove one of the needs"


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


def _tests(config: Config) -> Iterator[Complaint]:
    where: Where
    for name, test in config.tests.items():
        if test.rootfs is not None and test.rootfs not in config.rootfs:
            what = f"test '{name}' has unknown rootfs '{test.rootfs}'"
            remedy = suggest(test.rootfs, config.rootfs)
            yield ("tests", name, "rootfs"), what, remedy
        for number, param in test.unknown_params():
            what = f"a step of test '{name}' uses unknown parameter '{param}'"
            where = ("tests", name, "steps", number)
            yield where, what, suggest(param, test.params)
        if test.run is not None:
            yield from _run(config, test.run, ("tests", name, "run"))
            if test.on:
                what = f"test '{name}' has both `on` and `run`, which needs no platform"
                yield ("tests", name, "on"), what, "remove one of them"


def _on(config: Config) -> Iterator[Complaint]:
    for name, test in config.tests.items():
        strange = [key for key in test.on if key not in ATTRIBUTES]
        for key in strange:
            what = f"test '{name}' selects platforms by unknown attribute '{key}'"
            yield ("tests", name, "on", key), what, suggest(key, ATTRIBUTES)
        if test.on and not strange and not _some_fit(config, test.on):
            what = f"test '{name}' matches no platform"
            yield ("tests", name, "on"), what, "change `on`, or add a platform"


def _some_fit(config: Config, on: dict[str, list[str]]) -> bool:
    return any(
        all(ruling.holds for ruling in fitness(config, name, on))
        for name in config.platforms
    )


def _labs(config: Config) -> Iterator[Complaint]:
    for name, lab in config.labs.items():
        for platform, there in lab.platforms.items():
            where: Where = ("labs", name, "platforms", platform)
            if platform not in config.platforms:
                what = f"lab '{name}' has unknown platform '{platform}'"
                yield where, what, suggest(platform, config.platforms)
            patterns = there.tests or [] if there else []
            yield from _patterns(config, name, patterns, (*where, "tests"))
        yield from _patterns(config, name, lab.tests, ("labs", name, "tests"))


def _patterns(
    config: Config, lab: str, patterns: list[str], where: Where
) -> Iterator[Complaint]:
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if pattern != "*" and not _some_match(bare, config.tests):
            what = f"lab '{lab}' takes '{pattern}', which matches no test"
            yield (*where, pattern), what, suggest(bare, config.tests)


def _when(config: Config, when: When, where: Where) -> Iterator[Complaint]:
    for key, rules in (("tree", when.tree), ("branch", when.branch)):
        for rule in rules:
            tree, colon, _ = rule.removeprefix("!").partition(":")
            if (key == "tree" or colon) and not _some_match(tree, config.trees):
                what = f"'{rule}' matches no tree"
                yield (*where, key, rule), what, suggest(tree, config.trees)
    for rule in when.fragments:
        fragment = rule.removeprefix("!")
        if "=" not in fragment and not _some_match(fragment, config.fragments):
            what = f"'{rule}' matches no fragment"
            remedy = suggest(fragment, config.fragments)
            yield (*where, "fragments", rule), what, remedy


def _some_match(pattern: str, names: Iterable[str]) -> bool:
    if pattern in names:
        return True
    return any(fnmatchcase(name, pattern) for name in names)
