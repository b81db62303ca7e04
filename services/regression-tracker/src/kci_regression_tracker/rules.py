# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a regression is: which run compares with which, and when a failure is news.

Revisions are ordered by their checkouts. A node's own age says little: an old revision
may be tested again, or only now, after a newer one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeGuard

from kci_shared.models import (
    Job,
    Kbuild,
    Kind,
    NewNode,
    Node,
    Result,
    Revision,
    State,
    Test,
    is_settled,
)

Ran = Kbuild | Job | Test
"""What runs again with every revision."""
Checkouts = Mapping[str, datetime]
"""When each tree of nodes began, by its treeid: the order of the revisions."""

COPIED = ("arch", "defconfig", "config_full", "compiler", "platform")
VERDICTS = (Result.PASS, Result.FAIL)


def is_comparable(node: Node | None) -> TypeGuard[Ran]:
    """Say whether a node has a final verdict on a known revision of the kernel."""
    return (
        isinstance(node, Ran)
        and node.result in VERDICTS
        and node.data.kernel_revision is not None
        and node.data.kernel_revision.patchset is None  # nobody's next revision
        and is_settled(node)
    )


def revision(node: Node) -> Revision:
    """Return the revision that a comparable node ran."""
    assert node.data.kernel_revision is not None
    return node.data.kernel_revision


def identity(node: Ran) -> dict[str, str | None]:
    """Return what makes two nodes the same run of two revisions, as a query.

    The path belongs to it too, but no query can ask for a whole path.
    """
    return {
        "kind": node.kind,
        "name": node.name,
        "data.kernel_revision.tree": revision(node).tree,
        "data.kernel_revision.branch": revision(node).branch,
        "data.platform": node.data.platform,
        "data.arch": node.data.arch,
        "data.compiler": node.data.compiler,
        "data.config_full": node.data.config_full,
    }


def baseline(failed: Ran, others: Iterable[Node], checkouts: Checkouts) -> Ran | None:
    """Return the node that passed before `failed` broke it; None if it is no news.

    Going back from the failure, the first verdict on another commit decides, and of
    several attempts at one revision the last. No news is what was broken there already,
    and what has failed on the very same commit before.
    """
    if failed.treeid not in checkouts:
        return None
    here = _position(failed, checkouts)
    for run in reversed(_in_order(failed, others, checkouts)):
        if _position(run, checkouts) >= here:
            continue
        if _commit(run) != _commit(failed):
            return run if run.result is Result.PASS else None
        if run.result is Result.FAIL:
            return None
    return None


def next_failures(
    passed: Ran, others: Iterable[Node], checkouts: Checkouts
) -> list[Ran]:
    """Return what failed on the next commit that has a verdict after `passed`."""
    if passed.treeid not in checkouts:
        return []
    here = _position(passed, checkouts)
    later = [
        run
        for run in _in_order(passed, others, checkouts)
        if _position(run, checkouts) > here and _commit(run) != _commit(passed)
    ]
    return [
        run
        for run in later
        if run.result is Result.FAIL and _commit(run) == _commit(later[0])
    ]


def _in_order(node: Ran, others: Iterable[Node], checkouts: Checkouts) -> list[Ran]:
    """Return the nodes that compare with `node`, by revision and then by attempt."""
    runs = [
        other
        for other in others
        if is_comparable(other)
        and other.treeid in checkouts
        and other.path == node.path
        and identity(other) == identity(node)
    ]
    return sorted(runs, key=lambda run: _position(run, checkouts))


def _position(node: Ran, checkouts: Checkouts) -> tuple[datetime, str, datetime, str]:
    tree = node.treeid or ""
    return (checkouts[tree], tree, node.created, node.id)


def _commit(node: Ran) -> str:
    return revision(node).commit


def regression(failed: Ran, passed: Ran) -> NewNode:
    """Return the node that tells of a regression; there is one for each failure."""
    revisions = {
        "kernel_revision": revision(failed),
        "failed_kernel_revision": revision(failed),
        "passed_kernel_revision": revision(passed),
    }
    return NewNode(
        kind=Kind.REGRESSION,
        name=failed.name,
        group=failed.group,
        treeid=failed.treeid,
        state=State.DONE,
        result=Result.FAIL,
        data={
            "fail_node": failed.id,
            "pass_node": passed.id,
            "node_sequence": [],
            **{name: _dump(value) for name, value in revisions.items()},
            **{name: getattr(failed.data, name) for name in COPIED},
            "device": getattr(failed.data, "device", None),
            "error_code": failed.data.error_code,
            "error_msg": failed.data.error_msg,
        },
        idempotency_key=f"regression/{failed.id}",
    )


def _dump(said: Revision) -> dict[str, object]:
    return said.model_dump(mode="json", exclude_unset=True)
