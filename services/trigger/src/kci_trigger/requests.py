# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person may ask for: a checkout, the same job again, a patch on a checkout."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field

from kci_shared.config import Config
from kci_shared.errors import BadRequest, NotFound
from kci_shared.models import (
    Checkout,
    Job,
    Kbuild,
    Node,
    Revision,
    State,
)
from kci_shared.nodes import Nodes
from kci_shared.rules.attempts import next_attempt
from kci_trigger import patches, rules
from kci_trigger.patches import BadPatch

Filter = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=256)]], Field(max_length=100)
]
NodeId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]


class Wish(BaseModel):
    """A request, in the words of kci-dev."""

    model_config = ConfigDict(extra="ignore")


class CheckoutWish(Wish):
    """A commit to be tested, of a tree that is configured; its tip if none is named."""

    url: Annotated[str, Field(max_length=1000)]
    branch: Annotated[str, Field(max_length=200)]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    jobfilter: Filter | None = None
    platformfilter: Filter | None = None


class RetryWish(Wish):
    """A build or a job that shall run once more."""

    nodeid: NodeId


class PatchWish(Wish):
    """Patches, or their addresses, to be tested on top of a checkout."""

    nodeid: NodeId
    patch: Annotated[list[str], Field(max_length=patches.MOST)] | None = None
    patchurl: Annotated[list[str], Field(max_length=patches.MOST)] | None = None
    jobfilter: Filter | None = None
    platformfilter: Filter | None = None


class Heads(Protocol):
    """What granting wishes asks of remotes."""

    async def heads(self, url: str, branches: list[str]) -> dict[str, str]:
        """Return the commits of branches."""
        ...


class Store(Protocol):
    """What granting wishes asks of the storage."""

    async def put(self, name: str, content: bytes) -> str:
        """Store bytes; return their URL."""
        ...


class Wishes:
    """Creates the node that a wish asks for; each returns it."""

    def __init__(
        self, config: Callable[[], Config], api: Nodes, heads: Heads, storage: Store
    ) -> None:
        self._config = config
        self._api = api
        self._heads = heads
        self._storage = storage

    async def checkout(self, wish: CheckoutWish, submitter: str) -> Node:
        """Have a commit checked out, whether or not it was before."""
        tree = rules.tree_of(self._config(), wish.url)
        if tree is None:
            known = ", ".join(sorted(t.url for t in self._config().trees.values()))
            raise BadRequest(f"url: not of a configured tree; there are: {known}")
        if not rules.is_branch(wish.branch):
            raise BadRequest("branch: git takes no such name")
        url = self._config().trees[tree].url
        commit = wish.commit or await self._tip(url, wish.branch)
        revision = Revision(tree=tree, url=url, branch=wish.branch, commit=commit)
        return await self._create(revision, wish, submitter)

    async def _tip(self, url: str, branch: str) -> str:
        heads = await self._heads.heads(url, [branch])
        if branch not in heads:
            raise BadRequest(f"branch: {url} has no branch {branch}")
        return heads[branch]

    async def _create(
        self,
        revision: Revision,
        wish: CheckoutWish | PatchWish,
        submitter: str,
        **fields: Any,
    ) -> Node:
        return await self._api.create(
            rules.checkout(
                revision,
                datetime.now(UTC),
                **fields,
                jobfilter=wish.jobfilter,
                platform_filter=wish.platformfilter or [],
                submitter=submitter,
                # makes our own repetitions of the request harmless
                idempotency_key=f"asked/{secrets.token_hex(16)}",
            )
        )

    async def retry(self, wish: RetryWish, submitter: str) -> Node:
        """Run a build or a job once more, beside what it was, unless it still runs."""
        node = await self._node(wish.nodeid)
        if not isinstance(node, Kbuild | Job) or node.parent is None:
            raise BadRequest(f"nodeid: a {node.kind} cannot run again; name a job")
        where = (node.data.runtime, node.data.platform)
        attempts = [
            one
            for one in await self._api.find(parent=node.parent, name=node.name)
            if isinstance(one, Kbuild | Job)
            and (one.data.runtime, one.data.platform) == where
        ]
        last = max(attempts, key=lambda one: one.retry_counter)
        if last.state is not State.DONE:
            return last
        again = next_attempt(node, last.retry_counter + 1)
        return await self._api.create(again.model_copy(update={"submitter": submitter}))

    async def patchset(
        self, wish: PatchWish, submitter: str, given: list[bytes]
    ) -> Node:
        """Have patches checked out on top of a checkout."""
        base = await self._node(wish.nodeid)
        revision = base.data.kernel_revision
        if not isinstance(base, Checkout) or revision is None:
            raise BadRequest(f"nodeid: a {base.kind} is no checkout; name one")
        if revision.patchset is not None:
            raise BadRequest("nodeid: it is patched itself; name the checkout below it")
        try:
            patches.check(given)
        except BadPatch as error:
            raise BadRequest(str(error)) from error
        urls = [
            await self._storage.put(f"{number:04}.patch", patch)
            for number, patch in enumerate(given)
        ]
        known = {"patchset": patches.digest(given), "tip_of_branch": False}
        return await self._create(
            revision.model_copy(update=known),
            wish,
            submitter,
            name=rules.PATCHSET,
            artifacts={f"patch{number}": url for number, url in enumerate(urls)},
            data={"base": base.id},
        )

    async def _node(self, node_id: str) -> Node:
        node = await self._api.get(node_id)
        if node is None:
            raise NotFound(f"nodeid: there is no node {node_id}")
        return node


async def fetch_patches(
    http: httpx.AsyncClient, urls: list[str], hosts: Sequence[str]
) -> list[bytes]:
    """Read patches from hosts that are known; nobody sends us anywhere else."""
    given: list[bytes] = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in hosts:
            raise BadRequest(f"patchurl: only https and {', '.join(hosts)}")
        given.append(await _read(http, url))
    return given


async def _read(http: httpx.AsyncClient, url: str) -> bytes:
    content = b""
    try:
        async with http.stream("GET", url) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > patches.LARGEST:
                    raise BadRequest(f"patchurl: {url} is too large")
    except httpx.HTTPError as error:
        raise BadRequest(f"patchurl: {url}: {error}") from error
    return content
