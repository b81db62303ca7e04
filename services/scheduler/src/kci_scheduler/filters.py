# SPDX-License-Identifier: LGPL-2.1-or-later
"""The filters of submitted nodes: `jobfilter` and `platform_filter`."""

from collections.abc import Sequence

from kci_shared.config import ANYWHERE, BUILD, Built, Config, Placement
from kci_shared.models import Checkout, Node


def lets_through(config: Config, placement: Placement, line: Sequence[Node]) -> bool:
    """Say whether the filters of a job's parent and of all nodes above allow it."""
    return all(
        _allows_test(config, node, placement.test, line[0].path)
        and (
            not node.platform_filter
            or placement.platform in (*node.platform_filter, ANYWHERE)
        )
        for node in line
    )


def lets_build(config: Config, checkout: Checkout, built: Built) -> bool:
    """Say whether the filters of a checkout allow a build."""
    fitting = any(
        built.arch in (config.platforms[name].arch or [built.arch])
        for name in checkout.platform_filter
        if name in config.platforms
    )
    allowed = checkout.data.architecture_filter
    return (
        (not allowed or built.arch in allowed)
        and (not checkout.platform_filter or fitting)
        and (not checkout.jobfilter or _allows_build(config, checkout, built))
    )


def _allows_build(config: Config, checkout: Checkout, built: Built) -> bool:
    aliases = {built.entry, BUILD + built.entry, built.name}
    for pattern in checkout.jobfilter or ():
        name = pattern.removesuffix("+")
        if name in aliases or aliases & config.needed_for(name):
            return True
        if pattern != name and name in checkout.path:
            return True
    return False


def _allows_test(config: Config, node: Node, test: str, path: list[str]) -> bool:
    """Apply a `jobfilter`: `name` allows what it needs, too; `name+` all below it."""
    for pattern in node.jobfilter or [test]:
        name = pattern.removesuffix("+")
        if test == name or test in config.needed_for(name):
            return True
        if pattern != name and name in _with_entries(config, path):
            return True
    return False


def _with_entries(config: Config, path: list[str]) -> set[str]:
    """Return the names in a path, and the entries of the builds in it."""
    entries = {one.entry for name in path for one in config.built.get(name, ())}
    return {*path, *entries, *(BUILD + entry for entry in entries)}
