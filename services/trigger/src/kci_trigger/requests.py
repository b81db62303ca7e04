# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests from people: check out a commit, run a job again, test patches."""

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


class UserRequest(BaseModel):
    """A request body, with the field names of kci-dev."""

    model_config = ConfigDict(extra="ignore")


class CheckoutRequest(UserRequest):
    """Test a commit of a configured tree; without `commit`, the tip of the branch."""

    url: Annotated[str, Field(max_length=1000)]
    branch: Annotated[str, Field(max_length=200)]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    jobfilter: Filter | None = None
    platformfilter: Filter | None = None


class RetryRequest(UserRequest):
    """Run a build or a job once more."""

    nodeid: NodeId


class PatchsetRequest(UserRequest):
    """Test patches, or the patches at these URLs, on top of a checkout."""

    nodeid: NodeId
    patch: Annotated[list[str], Field(max_length=patches.MOST_PATCHES)] | None = None
    patchurl: Annotated[list[str], Field(max_length=patches.MOST_PATCHES)] | None = None
    jobfilter: Filter | None = None
    platformfilter: Filter | None = None


class Heads(Protocol):
    """Reads the heads of a remote repository."""

    async def heads(self, url: str, branches: list[str]) -> dict[str, str]:
        """Return the commits of branches."""
        ...


class Store(Protocol):
    """Stores artifacts."""

    async def put(self, name: str, content: bytes) -> str:
        """Store bytes; return their URL."""
        ...


class Requests:
    """Creates the nodes that people request."""

    def __init__(
        self, config: Callable[[], Config], api: Nodes, heads: Heads, storage: Store
    ) -> None:
        self._config = config
        self._api = api
        self._heads = heads
        self._storage = storage

    async def checkout(self, request: CheckoutRequest, submitter: str) -> Node:
        """Create a checkout of a commit, even if the commit was checked out before."""
        tree = rules.tree_of(self._config(), request.url)
        if tree is None:
            known = ", ".join(sorted(t.url for t in self._config().trees.values()))
            raise BadRequest(f"url: not of a configured tree; use one of: {known}")
        if not rules.is_branch(request.branch):
            raise BadRequest(
                f"branch: not a valid branch name: {request.branch[:80]!r}"
            )
        url = self._config().trees[tree].url
        commit = request.commit or await self._tip(url, request.branch)
        revision = Revision(tree=tree, url=url, branch=request.branch, commit=commit)
        return await self._create(revision, request, submitter)

    async def _tip(self, url: str, branch: str) -> str:
        heads = await self._heads.heads(url, [branch])
        if branch not in heads:
            raise BadRequest(f"branch: {url} has no branch {branch}")
        return heads[branch]

    async def _create(
        self,
        revision: Revision,
        request: CheckoutRequest | PatchsetRequest,
        submitter: str,
        **fields: Any,
    ) -> Node:
        return await self._api.create(
            rules.checkout(
                revision,
                datetime.now(UTC),
                **fields,
                jobfilter=request.jobfilter,
                platform_filter=request.platformfilter or [],
                submitter=submitter,
                # new for each request: only the client's own retries are the same node
                idempotency_key=f"asked/{secrets.token_hex(16)}",
            )
        )

    async def retry(self, request: RetryRequest, submitter: str) -> Node:
        """Create the next attempt at a build or job, unless the last one still runs."""
        node = await self._node(request.nodeid)
        if not isinstance(node, Kbuild | Job) or node.parent is None:
            raise BadRequest(
                f"nodeid: a {node.kind} cannot run again; give a build or job"
            )
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
        self, request: PatchsetRequest, submitter: str, contents: list[bytes]
    ) -> Node:
        """Create a checkout of a commit with patches applied."""
        base = await self._node(request.nodeid)
        revision = base.data.kernel_revision
        if not isinstance(base, Checkout) or revision is None:
            raise BadRequest(
                f"nodeid: a {base.kind} is not a checkout; give a checkout"
            )
        if revision.patchset is not None:
            raise BadRequest(
                "nodeid: this checkout is patched itself; give an unpatched checkout"
            )
        try:
            patches.check(contents)
        except BadPatch as error:
            raise BadRequest(str(error)) from error
        urls = [
            await self._storage.put(f"{number:04}.patch", patch)
            for number, patch in enumerate(contents)
        ]
        patched = {"patchset": patches.digest(contents), "tip_of_branch": False}
        return await self._create(
            revision.model_copy(update=patched),
            request,
            submitter,
            name=rules.PATCHSET,
            artifacts={f"patch{number}": url for number, url in enumerate(urls)},
            data={"base": base.id},
        )

    async def _node(self, node_id: str) -> Node:
        node = await self._api.get(node_id)
        if node is None:
            raise NotFound(f"nodeid: node {node_id} does not exist")
        return node


async def fetch_patches(
    http: httpx.AsyncClient, urls: list[str], hosts: Sequence[str]
) -> list[bytes]:
    """Download patches, from the configured hosts only."""
    contents: list[bytes] = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in hosts:
            known = " or ".join(hosts)
            raise BadRequest(f"patchurl: {url}: not https on {known}; use one of these")
        contents.append(await _read(http, url))
    return contents


async def _read(http: httpx.AsyncClient, url: str) -> bytes:
    content = b""
    try:
        async with http.stream("GET", url) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > patches.LARGEST_BYTES:
                    most = patches.LARGEST_BYTES >> 20
                    raise BadRequest(f"patchurl: {url}: larger than {most} MiB")
    except httpx.HTTPError as error:
        raise BadRequest(f"patchurl: {url}: {error}") from error
    return content
