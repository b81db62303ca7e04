# SPDX-License-Identifier: LGPL-2.1-or-later
"""An outside CI system, which has built a kernel and submits it through the API."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from kci_shared.client import ApiClient
from kci_shared.models import Kind, NewNode, Result, Revision, State, Version
from kci_shared.storage import Storage

TREE = "demo"
URL = "https://git.example.org/demo.git"
BUILD = "build/gcc-12/x86_64/cloud"


@dataclass(frozen=True)
class Submission:
    """A revision that the outside CI submitted, with the ids of its nodes."""

    revision: Revision
    checkout_id: str
    build_id: str


def revision_of(release: str, branch: str, number: int) -> Revision:
    """Make up the `number`-th commit of a branch whose kernel is `release`."""
    commit = hashlib.sha1(f"{branch} {number}".encode()).hexdigest()  # noqa: S324 - as git
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    assert found, f"{release!r} is not a kernel release"
    version, patchlevel, sublevel = (int(part or 0) for part in found.groups())
    return Revision(
        tree=TREE,
        url=URL,
        branch=branch,
        commit=commit,
        describe=f"v{found[0]}-{number}-g{commit[:12]}",
        version=Version(version=version, patchlevel=patchlevel, sublevel=sublevel),
    )


class OutsideCi:
    """Stores what it built, and submits a checkout with a build that passed."""

    def __init__(self, api: ApiClient, storage: Storage) -> None:
        self.api = api
        self._storage = storage

    async def submit(self, revision: Revision, files: dict[str, Path]) -> Submission:
        """Submit a revision; all that follows is automatic."""
        urls = {
            name: await self._storage.put_file(path) for name, path in files.items()
        }
        checkout = await self.api.create(_checkout(revision))
        build = await self.api.create(_build(revision, checkout.id, urls))
        return Submission(revision, checkout.id, build.id)


def _checkout(revision: Revision) -> NewNode:
    return NewNode(
        kind=Kind.CHECKOUT,
        name="checkout",
        state=State.AVAILABLE,
        result=Result.PASS,
        data={"kernel_revision": revision.model_dump(exclude_unset=True)},
        idempotency_key=f"outside/{revision.commit}",
    )


def _build(revision: Revision, checkout_id: str, urls: dict[str, str]) -> NewNode:
    data = {"arch": "x86_64", "compiler": "gcc-12"}
    data |= {"defconfig": "cloud", "config_full": "cloud"}
    return NewNode(
        kind=Kind.KBUILD,
        name=BUILD,
        parent=checkout_id,
        state=State.DONE,
        result=Result.PASS,
        artifacts=urls,
        data=data,
        idempotency_key=f"outside/{revision.commit}/{BUILD}",
    )
