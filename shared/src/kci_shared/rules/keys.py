# SPDX-License-Identifier: LGPL-2.1-or-later
"""Idempotency keys: which requests mean the same node; pure.

The API creates one node for each key of an owner: planning the same work again returns
the existing node.
"""


def job_key(
    parent: str | None,
    name: str,
    runtime: str | None,
    platform: str | None,
    attempt: int,
) -> str:
    """Return the key of a job: what runs below which node, and where."""
    return f"{parent}/{name}/{runtime}/{platform}/{attempt}"


def build_key(identity: str, attempt: int) -> str:
    """Return the key of a build: the same, whichever checkout asks for it."""
    return f"build/{identity}/{attempt}"


def same_key(checkout: str | None, build: str) -> str:
    """Return the key of a checkout's copy of a build that another checkout made."""
    return f"{checkout}/{build}/same"


def checkout_key(tree: str, branch: str, commit: str, attempt: int) -> str:
    """Return the key of the checkout that a new commit of a watched branch gets."""
    return f"checkout/{tree}/{branch}/{commit}/{attempt}"


def is_attempt_of(key: str | None, first: str) -> bool:
    """Say whether two keys differ in nothing but the attempt."""
    work, _, attempt = (key or "").rpartition("/")
    return attempt.isdigit() and work == first.rpartition("/")[0]
