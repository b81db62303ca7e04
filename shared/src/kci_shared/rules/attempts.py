# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attempts at the same work: their nodes, their data, their number; pure."""

from datetime import datetime
from typing import Any

from kci_shared.models import Job, Kbuild, Kind, NewNode, Process, Result, Test
from kci_shared.rules.keys import build_key, is_attempt_of, job_key

MOST_ATTEMPTS = 3
"""How often a claim may be lost, or a checkout fail, before the work is given up."""

SETUP = ("arch", "defconfig", "config_full", "compiler", "platform")
"""Fields of `data`: how the kernel was built, and its platform."""
INHERITED = (*SETUP, "runtime")
"""Fields of `data` that a test repeats from its job."""
PLANNED = frozenset(
    {
        *INHERITED,
        "definition",
        "fragments",
        "identity",
        "priority",
        "run_timeout",
    }
)
"""Fields of `data` that are set before a build or job runs; an attempt repeats them."""


def setup_of(node: Kbuild | Job | Test) -> dict[str, Any]:
    """Return what a node was built with and ran on, unknown values included."""
    return {name: getattr(node.data, name) for name in SETUP}


def inherited(data: object) -> dict[str, Any]:
    """Return what a test repeats from the data of its job, as far as it is known."""
    values = {name: getattr(data, name, None) for name in INHERITED}
    return {name: value for name, value in values.items() if value is not None}


def next_attempt(node: Kbuild | Job | Process, attempt: int) -> NewNode:
    """Return a new node for the work of a node, beside it."""
    data = node.data.model_dump(mode="json", include=set(PLANNED), exclude_none=True)
    new = NewNode(
        kind=node.kind,
        name=node.name,
        group=node.group,
        parent=node.parent,
        data=data,
    )
    return as_attempt(new, attempt)


def as_attempt(new: NewNode, attempt: int) -> NewNode:
    """Return a planned node with the number and the key of an attempt, from 0."""
    key = _key(new, new.data, attempt)
    return new.model_copy(update={"retry_counter": attempt, "idempotency_key": key})


def retry(node: Kbuild | Job | Process, timeout: datetime) -> NewNode:
    """Return the attempt after a node's own; counts the failures so far."""
    new = next_attempt(node, node.retry_counter + 1)
    count = (node.data.failures or 0) + (node.result is Result.FAIL)
    data = {**new.data, "failures": count} if count else new.data
    return new.model_copy(update={"data": data, "timeout": timeout})


def is_planned(node: Kbuild | Job | Process) -> bool:
    """Say whether a node has the key of planned work."""
    return is_attempt_of(node.idempotency_key, _key(node, vars(node.data), 0))


def _key(
    node: NewNode | Kbuild | Job | Process, data: dict[str, Any], attempt: int
) -> str:
    if node.kind is Kind.KBUILD and (identity := data.get("identity")):
        return build_key(identity, attempt)
    where = data.get("runtime"), data.get("platform")
    return job_key(node.parent, node.name, *where, attempt)
