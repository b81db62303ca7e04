# SPDX-License-Identifier: LGPL-2.1-or-later
"""What heads, Makefiles and nodes say; pure."""

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
LIFE = timedelta(days=7)
"""When a checkout is over, whatever of its jobs still waits for a lab."""
MOST_TAGS = 20
LONGEST_LINE = 300


def heads(listing: str) -> dict[str, str]:
    """Return the commits of branches, as `git ls-remote` lists them."""
    found = map(HEAD.fullmatch, listing.splitlines())
    return {match[2]: match[1] for match in found if match}


def host(url: str) -> str:
    """Return what is spared when it is asked too much."""
    return urlsplit(url).netloc.rpartition("@")[2]


def version(makefile: str) -> Version | None:
    """Return the version that the first lines of the kernel's Makefile name."""
    said: dict[str, str] = {}
    for match in map(VARIABLE.match, makefile.splitlines()[:20]):
        if match:
            said.setdefault(match[1], match[2].strip())
    try:
        numbers = int(said["VERSION"]), int(said["PATCHLEVEL"])
        sublevel = int(said.get("SUBLEVEL") or 0)
    except (KeyError, ValueError):
        return None
    return Version(
        version=numbers[0],
        patchlevel=numbers[1],
        sublevel=sublevel,
        extra=said.get("EXTRAVERSION") or None,
        name=said.get("NAME") or None,
    )


def first_line(text: str) -> str:
    """Return the first line of a text, without what a terminal would obey."""
    return printable(text.strip().partition("\n")[0][:LONGEST_LINE])


def is_branch(name: str) -> bool:
    """Say whether git, and we, take a name for a branch."""
    try:
        BRANCH.validate_python(name)
    except ValidationError:
        return False
    return True


def next_attempt(known: Sequence[Node], first_key: str) -> int | None:
    """Return which attempt at a commit is due, from 0; None if none is.

    A checkout that was asked for by somebody may be filtered, so it does not count.
    """
    ours = [one for one in known if is_attempt_of(one.idempotency_key, first_key)]
    if any(
        one.state is not State.DONE or one.result is not Result.INCOMPLETE
        for one in ours
    ):
        return None
    return len(ours) if len(ours) < MOST_ATTEMPTS else None


def is_due(tree: Tree, branch: Branch, last: datetime | None, now: datetime) -> bool:
    """Say whether a branch may have a checkout, so soon after its last one."""
    every = branch.every or tree.every
    return every is None or last is None or now - last >= timedelta(seconds=every)


def tree_of(config: Config, url: str) -> str | None:
    """Return the name of the tree with a URL: no other remote is ever contacted."""
    wanted = url.rstrip("/")
    return next(
        (n for n, tree in config.trees.items() if tree.url.rstrip("/") == wanted), None
    )


def checkout(revision: Revision, now: datetime, **fields: Any) -> NewNode:
    """Return the node of a checkout that this service shall make."""
    data = {
        "kernel_revision": revision.model_dump(mode="json", exclude_unset=True),
        "runtime": RUNTIME,
        "platform": PLATFORM,
        **fields.pop("data", {}),
    }
    usual = {"name": CHECKOUT, "timeout": now + LIFE}
    return NewNode(kind=Kind.CHECKOUT, data=data, **{**usual, **fields})
