# SPDX-License-Identifier: LGPL-2.1-or-later
"""What nodes mean to the configuration: names, needs, retries; pure."""

from kci_shared.config import (
    BUILD,
    CHECKOUT,
    Build,
    Built,
    Candidate,
    Config,
    Need,
    Retry,
)
from kci_shared.models import (
    Checkout,
    Job,
    Kbuild,
    Node,
    Process,
    Result,
    State,
)
from kci_shared.rules.attempts import is_planned
from kci_shared.rules.verdicts import is_settled, trouble

Work = Kbuild | Job | Process
"""Nodes that are planned, and may be retried."""


def entries(config: Config, node: Kbuild) -> list[tuple[Build, Built]]:
    """Return the entries that request a build for its revision."""
    revision = node.data.kernel_revision
    if revision is None:
        return []
    of = [(config.builds[one.entry], one) for one in config.built.get(node.name, ())]
    return [
        (entry, built)
        for entry, built in of
        if entry.when.holds(Candidate.of(revision, built))
    ]


def names(config: Config, node: Node) -> set[str]:
    """Return the names by which tests need a node: `build/<entry>`, or a test's."""
    if isinstance(node, Kbuild):
        return {BUILD + built.entry for _, built in entries(config, node)}
    if isinstance(node, Checkout):
        return {CHECKOUT}
    if isinstance(node, Job | Process) and node.name in config.tests:
        return {node.name}
    return set()


def retry(config: Config, node: Node) -> Retry:
    """Return the retry policy of a node; nodes that others created have none."""
    if isinstance(node, Kbuild) and node.data.identity and is_planned(node):
        policies = [entry.retry for entry, _ in entries(config, node)]
        return Retry(
            infra=max((policy.infra for policy in policies), default=0),
            fail=max((policy.fail for policy in policies), default=0),
        )
    if isinstance(node, Job | Process) and is_planned(node):
        test = config.tests.get(node.name)
        return test.retry if test else Retry()
    return Retry()


def is_due_again(config: Config, node: Node) -> bool:
    """Say whether a node gets another attempt: for spoiled runs, or flaky tests."""
    if not isinstance(node, Work) or not is_settled(node):
        return False
    policy, failures = retry(config, node), node.data.failures or 0
    if node.result is Result.FAIL:
        return failures < policy.fail
    return (
        node.result is Result.INCOMPLETE
        and trouble(node.data.error_code).is_spoiled
        and node.retry_counter - failures < policy.infra
    )


def satisfies(config: Config, node: Node, need: Need) -> bool:
    """Say whether a node fulfils a need.

    An attempt that will be retried fulfils nothing: the last one counts. A checkout
    that passed fulfils each need once its sources are available.
    """
    if isinstance(node, Checkout):
        return node.state is not State.RUNNING and node.result is Result.PASS
    if need is Need.AVAILABLE and node.state in (State.AVAILABLE, State.CLOSING):
        return node.result is Result.PASS
    if not is_settled(node) or is_due_again(config, node):
        return False
    match need:
        case Need.DONE:
            return True
        case Need.FAIL:
            return node.result is Result.FAIL
        case Need.PASS | Need.AVAILABLE:
            return node.result is Result.PASS
