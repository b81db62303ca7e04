# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watch the trees of the configuration: a checkout for each new commit.

Each tree is looked at on its own, so that one whose remote is silent delays nobody.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from kci_shared.config import Config, Tree
from kci_shared.errors import ApiError
from kci_shared.logging import get_logger
from kci_shared.models import Kind, Node, Revision, State
from kci_shared.nodes import Nodes
from kci_shared.rules.keys import checkout_key
from kci_trigger import rules
from kci_trigger.git import Git, GitError
from kci_trigger.settings import Settings

log = get_logger(__name__)

LONGEST_REST = 16
"""A remote that fails is left alone for up to so many times the usual pause."""
JITTER = 0.1
"""The pauses differ by this part, so that trees of a host spread by themselves."""


class Watcher:
    """Looks at every tree again and again."""

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
        self._seen: dict[tuple[str, str], str] = {}
        """The commits, by tree and branch, that need no second thought."""

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set; trees come and go with the configuration."""
        watched: dict[str, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                trees = {name for name, t in self._config().trees.items() if t.branches}
                for name in watched.keys() - trees:
                    watched.pop(name).cancel()
                for name in trees - watched.keys():
                    watched[name] = asyncio.create_task(self._watch(name))
                await _pause(stop, self._settings.poll)
        finally:
            for task in watched.values():
                task.cancel()
            await asyncio.gather(*watched.values(), return_exceptions=True)

    async def _watch(self, name: str) -> None:
        rest = 1
        while True:
            try:
                await self.look(name, self._config().trees[name])
            except (GitError, ApiError) as error:
                rest = min(2 * rest, LONGEST_REST)
                log.warning("tree not seen", tree=name, reason=str(error))
            except KeyError:
                return  # it is gone from the configuration
            except Exception:
                log.exception("bug in the watcher", tree=name)
            else:
                rest = 1
            spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
            await asyncio.sleep(self._settings.poll * rest * spread)

    async def look(self, name: str, tree: Tree) -> None:
        """Look once at a tree, and see to what is new in it."""
        for branch, commit in (await self.heads(tree.url, list(tree.branches))).items():
            if self._seen.get((name, branch)) != commit and branch in tree.branches:
                await self._consider(name, tree, branch, commit)

    async def heads(self, url: str, branches: list[str]) -> dict[str, str]:
        """Ask a remote for the commits of branches."""
        async with self._hosts[rules.host(url)]:
            listing = await self._git.run(
                *("ls-remote", "--refs", "--", url),
                *(f"refs/heads/{branch}" for branch in branches),
                seconds=self._settings.remote_timeout,
            )
        return rules.heads(listing.decode(errors="replace"))

    async def _consider(self, name: str, tree: Tree, branch: str, commit: str) -> None:
        """Create the checkout of a branch's new commit, if it is due."""
        about = Revision(tree=name, url=tree.url, branch=branch, commit=commit)
        known = await self._checkouts(about, commit)
        attempt = rules.next_attempt(known, checkout_key(name, branch, commit, 0))
        if attempt is None:
            if all(one.state is not State.RUNNING for one in known):
                self._seen[name, branch] = commit
            return
        newest = await self._checkouts(about, None)
        last = newest[0].created if newest and not attempt else None
        now = datetime.now(UTC)
        if not rules.is_due(tree, tree.branches[branch], last, now):
            return
        node = await self._api.create(
            rules.checkout(
                about.model_copy(update={"tip_of_branch": True}),
                now,
                data={"architecture_filter": tree.branches[branch].arch or []},
                idempotency_key=checkout_key(name, branch, commit, attempt),
            )
        )
        log.info("new commit", node_id=node.id, tree=name, branch=branch, commit=commit)

    async def _checkouts(self, about: Revision, commit: str | None) -> list[Node]:
        """Return the checkouts of a commit, or the newest one of the branch."""
        wanted = {
            "kind": Kind.CHECKOUT.value,
            "name": rules.CHECKOUT,
            "data.kernel_revision.tree": about.tree,
            "data.kernel_revision.branch": about.branch,
        }
        if commit is None:
            return await self._api.find(**wanted, sort="-created", limit=1)
        return await self._api.find(**wanted, **{"data.kernel_revision.commit": commit})


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
