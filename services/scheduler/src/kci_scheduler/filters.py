# SPDX-License-Identifier: LGPL-2.1-or-later
"""What whoever submitted a tree wants of it: `jobfilter` and `platform_filter`."""

from collections.abc import Sequence

from kci_shared.config import ANYWHERE, BUILD, Built, Config, Placement
from kci_shared.models import Checkout, Node


def lets_through(config: Config, placement: Placement, line: Sequence[Node]) -> bool:
    """Say whether no filter of a job's parent and of what is above leaves it out."""
    return all(
        _wants_test(config, node, placement.test, line[0].path)
        and (
            not node.platform_filter
            or placement.platform in (*node.platform_filter, ANYWHERE)
        )
        for node in line
    )


def lets_build(config: Config, checkout: Checkout, built: Built) -> bool:
    """Say whether no filter of a checkout leaves a build out."""
    fitting = any(
        built.arch in (config.platforms[name].arch or [built.arch])
        for name in checkout.platform_filter
        if name in config.platforms
    )
    allowed = checkout.data.architecture_filter
    return (
        (not allowed or built.arch in allowed)
        and (not checkout.platform_filter or fitting)
        and (not checkout.jobfilter or _wants_build(config, checkout, built))
    )


def _wants_build(config: Config, checkout: Checkout, built: Built) -> bool:
    known_as = {built.entry, BUILD + built.entry, built.name}
    for wanted in checkout.jobfilter or ():
        name = wanted.removesuffix("+")
        if name in known_as or known_as & config.needed_for(name):
            return True
        if wanted != name and name in checkout.path:
            return True
    return False


def _wants_test(config: Config, node: Node, test: str, path: list[str]) -> bool:
    """Read a `jobfilter`: `name`, with all it needs; `name+`, with all below it too."""
    for wanted in node.jobfilter or [test]:
        name = wanted.removesuffix("+")
        if test == name or test in config.needed_for(name):
            return True
        if wanted != name and name in _also_as_entries(config, path):
            return True
    return False


def _also_as_entries(config: Config, path: list[str]) -> set[str]:
    """Return the names in a path, and the entries that builds in it are of."""
    entries = {one.entry for name in path for one in config.built.get(name, ())}
    return {*path, *entries, *(BUILD + entry for entry in entries)}
