# SPDX-License-Identifier: LGPL-2.1-or-later
"""What whoever submitted a tree wants of it: `jobfilter` and `platform_filter`."""

from collections.abc import Sequence

from kci_shared.config import Config, Placement
from kci_shared.models import Node


def lets_through(config: Config, placement: Placement, line: Sequence[Node]) -> bool:
    """Say whether no filter of a job's parent and of what is above leaves it out."""
    return all(
        _wants_job(config, node, placement.test, line[0].path)
        and (not node.platform_filter or placement.platform in node.platform_filter)
        for node in line
    )


def _wants_job(config: Config, node: Node, test: str, path: list[str]) -> bool:
    """Read a `jobfilter`: `name`, with all it needs; `name+`, with all below it too."""
    for wanted in node.jobfilter or [test]:
        name = wanted.removesuffix("+")
        if test == name or test in config.needed_for(name):
            return True
        if wanted != name and name in path:
            return True
    return False
