# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a node has come to, in the words of the configuration."""

from kci_shared.config import BUILD, Config, Need
from kci_shared.models import (
    ErrorCode,
    Job,
    Kbuild,
    Node,
    Result,
    State,
    is_settled,
)


def known_as(config: Config, node: Node) -> str | None:
    """Tell under which name tests need a node: `build/<entry>`, or a test's name."""
    if isinstance(node, Kbuild) and (built := config.built.get(node.name)):
        return BUILD + built.entry
    if isinstance(node, Job) and node.name in config.tests:
        return node.name
    return None


def is_due_again(config: Config, node: Node) -> bool:
    """Say whether a job that was planned here runs once more: the lab failed it."""
    return (
        isinstance(node, Job)
        and (node.idempotency_key or "").startswith(f"{node.parent}/{node.name}/")
        and is_settled(node)
        and node.result is Result.INCOMPLETE
        and node.data.error_code == ErrorCode.INFRASTRUCTURE
        and node.name in config.tests
        and node.retry_counter < config.tests[node.name].retry.infra
    )


def satisfies(config: Config, node: Node, need: Need) -> bool:
    """Say whether a node has come to what is needed of it.

    An attempt that will be repeated satisfies nothing: the last one counts.
    """
    if need is Need.AVAILABLE:
        return node.state is not State.RUNNING and node.result is Result.PASS
    if not is_settled(node) or is_due_again(config, node):
        return False
    return need is Need.DONE or node.result == need.value
