# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a node has come to, in the words of the configuration."""

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

Run = Kbuild | Job | Process
"""What may be planned, and run again."""


def entries(config: Config, node: Kbuild) -> list[tuple[Build, Built]]:
    """Return the entries that a build is of, for its revision."""
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
    """Tell under which names tests need a node: `build/<entry>`, or a test's name."""
    if isinstance(node, Kbuild):
        return {BUILD + built.entry for _, built in entries(config, node)}
    if isinstance(node, Checkout):
        return {CHECKOUT}
    if isinstance(node, Job | Process) and node.name in config.tests:
        return {node.name}
    return set()


def retry(config: Config, node: Node) -> Retry:
    """Return how often a node that was planned here is run again; never, else."""
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
    """Say whether a node runs once more: it was spoiled, or it may be flaky."""
    if not isinstance(node, Run) or not is_settled(node):
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
    """Say whether a node has come to what is needed of it.

    An attempt that will be repeated satisfies nothing: the last one counts. Sources
    are there, once and for all, when they are available.
    """
    if isinstance(node, Checkout):
        return node.state is not State.RUNNING and node.result is Result.PASS
    if need is Need.AVAILABLE and node.state in (State.AVAILABLE, State.CLOSING):
        return node.result is Result.PASS
    if not is_settled(node) or is_due_again(config, node):
        return False
    wanted = Result.PASS if need is Need.AVAILABLE else need.value
    return need is Need.DONE or node.result == wanted
