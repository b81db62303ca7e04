# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the heads, the Makefile and the nodes of a tree mean; pure."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from kci_shared.config import Branch, Config, Tree
from kci_shared.config.values import BranchName
from kci_shared.models import Kind, NewNode, Node, Result, Revision, State, Version
from kci_shared.rules.attempts import MOST_ATTEMPTS
from kci_shared.rules.keys import is_attempt_of
from kci_shared.text import printable

RUNTIME = "trigger"
PLATFORM = "git"
CHECKOUT = "checkout"
PATCHSET = "patchset"
COMMIT = re.compile(r"[0-9a-f]{40}")
HEAD = re.compile(r"([0-9a-f]{40})\trefs/heads/(.+)")
VARIABLE = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION|NAME) *= *(.*)$")
BRANCH: TypeAdapter[str] = TypeAdapter(BranchName)
LIFETIME = timedelta(days=7)
"""After this time a checkout ends, even if jobs below it still wait for a lab."""
MOST_TAGS = 20
LONGEST_LINE = 300


def heads(listing: str) -> dict[str, str]:
    """Return the commits of branches, as `git ls-remote` lists them."""
    found = map(HEAD.fullmatch, listing.splitlines())
    return {match[2]: match[1] for match in found if match}


def host(url: str) -> str:
    """Return the host of a remote, for which connections are limited."""
    return urlsplit(url).netloc.rpartition("@")[2]


def version(makefile: str) -> Version | None:
    """Return the version that the first lines of the kernel's Makefile name."""
    variables: dict[str, str] = {}
    for match in map(VARIABLE.match, makefile.splitlines()[:20]):
        if match:
            variables.setdefault(match[1], match[2].strip())
    try:
        numbers = int(variables["VERSION"]), int(variables["PATCHLEVEL"])
        sublevel = int(variables.get("SUBLEVEL") or 0)
    except (KeyError, ValueError):
        return None
    return Version(
        version=numbers[0],
        patchlevel=numbers[1],
        sublevel=sublevel,
        extra=variables.get("EXTRAVERSION") or None,
        name=variables.get("NAME") or None,
    )


def first_line(text: str) -> str:
    """Return the first line of a text, without what a terminal would obey."""
    return printable(text.strip().partition("\n")[0][:LONGEST_LINE])


def is_branch(name: str) -> bool:
    """Say whether a name is one of a branch, to git and to us."""
    try:
        BRANCH.validate_python(name)
    except ValidationError:
        return False
    return True


def next_attempt(existing: Sequence[Node], first_key: str) -> int | None:
    """Return the number of the next attempt at a commit, from 0; None if none is due.

    Requested checkouts do not count: their builds and tests may be filtered.
    """
    ours = [one for one in existing if is_attempt_of(one.idempotency_key, first_key)]
    if any(
        one.state is not State.DONE or one.result is not Result.INCOMPLETE
        for one in ours
    ):
        return None
    return len(ours) if len(ours) < MOST_ATTEMPTS else None


def is_due(tree: Tree, branch: Branch, last: datetime | None, now: datetime) -> bool:
    """Say whether enough time has passed since the last checkout of a branch."""
    every = branch.every or tree.every
    return every is None or last is None or now - last >= timedelta(seconds=every)


def tree_of(config: Config, url: str) -> str | None:
    """Return the name of the configured tree with this URL, or None."""
    bare = url.rstrip("/")
    return next(
        (n for n, tree in config.trees.items() if tree.url.rstrip("/") == bare), None
    )


def checkout(revision: Revision, now: datetime, **fields: Any) -> NewNode:
    """Return a new checkout, for this service to claim and make."""
    data = {
        "kernel_revision": revision.model_dump(mode="json", exclude_unset=True),
        "runtime": RUNTIME,
        "platform": PLATFORM,
        **fields.pop("data", {}),
    }
    defaults = {"name": CHECKOUT, "timeout": now + LIFETIME}
    return NewNode(kind=Kind.CHECKOUT, data=data, **{**defaults, **fields})
