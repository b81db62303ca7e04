# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watch the configured trees: create a checkout for each new commit.

Each tree has a task of its own, so that a remote that hangs delays no other tree.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from kci_shared.config import Config, Tree
from kci_shared.errors import ApiError, ChannelDown
from kci_shared.logging import get_logger
from kci_shared.models import Kind, Node, Revision, State
from kci_shared.nodes import Nodes
from kci_shared.redaction import redacted
from kci_shared.rules.keys import checkout_key
from kci_shared.waiting import wait
from kci_trigger import rules
from kci_trigger.git import Git, GitError
from kci_trigger.settings import Settings

log = get_logger(__name__)

MAX_BACKOFF_FACTOR = 16
"""While a remote fails, the pause doubles up to so many times the usual one."""
JITTER = 0.1
"""Pauses vary by this fraction, so that requests to one host spread out."""


class Watcher:
    """Polls every tree that has branches in the configuration."""

    def __init__(
        self, config: Callable[[], Config], git: Git, api: Nodes, settings: Settings
    ) -> None:
        self._config = config
        self._git = git
        self._api = api
        self._settings = settings
        self._hosts: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(settings.per_host)
        )
        self._problems: dict[str, str] = {}
        """Why a tree cannot be read, by its name."""
        self._seen: dict[tuple[str, str], str] = {}
        """The commit of each tree and branch that has its checkout already."""

    @property
    def problem(self) -> str:
        """Which trees cannot be read, and why; empty if all can."""
        return "; ".join(f"{name}: {why}" for name, why in self._problems.items())

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set; follow changes of the configuration."""
        watched: dict[str, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                trees = {name for name, t in self._config().trees.items() if t.branches}
                for name in watched.keys() - trees:
                    watched.pop(name).cancel()
                    self._problems.pop(name, None)
                for name in trees - watched.keys():
                    watched[name] = asyncio.create_task(self._watch(name))
                await wait(stop, self._settings.poll)
        finally:
            for task in watched.values():
                task.cancel()
            await asyncio.gather(*watched.values(), return_exceptions=True)

    async def _watch(self, name: str) -> None:
        factor = 1
        while True:
            try:
                await self.look(name, self._config().trees[name])
            except (GitError, ApiError, ChannelDown) as error:
                factor = min(2 * factor, MAX_BACKOFF_FACTOR)
                self._problems[name] = redacted(str(error))
                log.warning("tree not seen", tree=name, reason=str(error))
            except KeyError:
                return  # removed from the configuration
            except Exception:
                log.exception("bug in the watcher", tree=name)
            else:
                factor = 1
                self._problems.pop(name, None)
            spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
            await asyncio.sleep(self._settings.poll * factor * spread)

    async def look(self, name: str, tree: Tree) -> None:
        """Poll a tree once, and create checkouts of new commits."""
        for branch, commit in (await self.heads(tree.url, list(tree.branches))).items():
            if self._seen.get((name, branch)) != commit and branch in tree.branches:
                await self._consider(name, tree, branch, commit)

    async def heads(self, url: str, branches: list[str]) -> dict[str, str]:
        """Return the commits of branches of a remote."""
        async with self._hosts[rules.host(url)]:
            listing = await self._git.run(
                *("ls-remote", "--refs", "--", url),
                *(f"refs/heads/{branch}" for branch in branches),
                seconds=self._settings.remote_timeout,
            )
        return rules.heads(listing.decode(errors="replace"))

    async def _consider(self, name: str, tree: Tree, branch: str, commit: str) -> None:
        """Create the checkout of a branch's new commit, if it is due."""
        revision = Revision(tree=name, url=tree.url, branch=branch, commit=commit)
        existing = await self._checkouts(revision, commit)
        attempt = rules.next_attempt(existing, checkout_key(name, branch, commit, 0))
        if attempt is None:
            if all(one.state is not State.RUNNING for one in existing):
                self._seen[name, branch] = commit
            return
        newest = await self._checkouts(revision, None)
        last = newest[0].created if newest and not attempt else None
        now = datetime.now(UTC)
        if not rules.is_due(tree, tree.branches[branch], last, now):
            return
        node = await self._api.create(
            rules.checkout(
                revision.model_copy(update={"tip_of_branch": True}),
                now,
                data={"architecture_filter": tree.branches[branch].arch or []},
                idempotency_key=checkout_key(name, branch, commit, attempt),
            )
        )
        log.info("new commit", node_id=node.id, tree=name, branch=branch, commit=commit)

    async def _checkouts(self, revision: Revision, commit: str | None) -> list[Node]:
        """Return the checkouts of a commit, or the newest one of the branch."""
        query = {
            "kind": Kind.CHECKOUT.value,
            "name": rules.CHECKOUT,
            "data.kernel_revision.tree": revision.tree,
            "data.kernel_revision.branch": revision.branch,
        }
        if commit is None:
            return await self._api.find(**query, sort="-created", limit=1)
        return await self._api.find(**query, **{"data.kernel_revision.commit": commit})
