# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkout: from a node that names a commit to a tarball of its sources."""

from collections.abc import Callable
from pathlib import Path

import stamina

from kci_shared.config import Config
from kci_shared.errors import KciError, StorageError
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Node, Result, Revision, State
from kci_shared.rules.artifacts import TARBALL
from kci_shared.storage import Storage
from kci_shared.work import LabJob, RunOutcome
from kci_trigger import patches, rules
from kci_trigger.git import Git, GitError
from kci_trigger.mirror import SUFFIX, CommitGone, Mirror
from kci_trigger.settings import Settings

log = get_logger(__name__)

ATTEMPTS = 3
"""How often a remote that stutters is asked, within one checkout."""


class Refused(Exception):
    """The node asks for what nobody gets here."""


class Sources:
    """Fetches, describes and packs what checkouts ask for."""

    def __init__(
        self, config: Callable[[], Config], git: Git, storage: Storage, told: Settings
    ) -> None:
        self._config = config
        self._git = git
        self._storage = storage
        self._told = told

    async def run(self, job: LabJob) -> RunOutcome:
        """Make one checkout; what cannot be had is told with its reason."""
        try:
            revision = self._wanted(job.node)
            async for attempt in stamina.retry_context(
                on=_may_pass, attempts=ATTEMPTS, wait_initial=1, wait_max=30
            ):
                with attempt:
                    return await self._make(job, revision)
        except (Refused, CommitGone, patches.BadPatch) as error:
            return _failed(Result.FAIL, error)
        except (GitError, StorageError) as error:
            return _failed(Result.INCOMPLETE, error)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wanted(self, node: Node) -> Revision:
        """Return what a node asks for; anybody may have written it."""
        revision = node.data.kernel_revision
        if revision is None:
            raise Refused("data.kernel_revision: say which commit is meant")
        tree = self._config().trees.get(revision.tree)
        if tree is None or tree.url.rstrip("/") != revision.url.rstrip("/"):
            raise Refused(f"no tree {revision.tree} with that url is configured")
        if not rules.COMMIT.fullmatch(revision.commit):
            raise Refused("data.kernel_revision.commit: 40 hexadecimal digits")
        if not rules.is_branch(revision.branch):
            raise Refused("data.kernel_revision.branch: no name that git takes")
        return revision

    async def _make(self, job: LabJob, revision: Revision) -> RunOutcome:
        folder = self._told.mirrors / f"{revision.tree}.git"
        mirror = Mirror(self._git, folder, self._told.queue)
        async with mirror.locked():
            found, tarball = await mirror.do(
                revision.url, lambda: self._pack(mirror, job, revision)
            )
        log.info("checkout made", tree=found.tree, describe=found.describe)
        return RunOutcome(
            Result.PASS,
            state=State.AVAILABLE,
            files={TARBALL: tarball},
            needed=frozenset({TARBALL}),
            data={"kernel_revision": found.model_dump(mode="json", exclude_unset=True)},
        )

    async def _pack(
        self, mirror: Mirror, job: LabJob, revision: Revision
    ) -> tuple[Revision, Path]:
        await mirror.fetch(revision)
        found = await mirror.describe(revision)
        name = f"linux-{revision.commit[:12]}"
        inside: dict[str, str] = {}
        commit = revision.commit
        if revision.patchset is not None:
            given = await self._patches(job.node, revision)
            name += f"-{revision.patchset[:12]}"
            scratch = job.folder / f"patched-{len(list(job.folder.iterdir()))}"
            commit = await patches.apply(mirror, commit, given, scratch)
            inside = patches.environment(mirror, scratch)
        tarball = job.folder / f"{name}{SUFFIX}"
        await mirror.pack(commit, tarball, inside)
        return found, tarball

    async def _patches(self, node: Node, revision: Revision) -> list[bytes]:
        """Read the patches that are named by the revision, and no others."""
        given: list[bytes] = []
        for number in range(patches.MOST):
            url = node.artifacts.get(f"patch{number}")
            if url is None:
                break
            given.append(await self._read(url))
        patches.check(given)
        if patches.digest(given) != revision.patchset:
            raise Refused("data.kernel_revision.patchset: not that of the artifacts")
        return given

    async def _read(self, url: str) -> bytes:
        if not url.startswith(f"{self._told.storage_url.rstrip('/')}/"):
            raise Refused("artifacts: patches are read from our own storage only")
        content = b""
        async for chunk in self._storage.stream(url):
            content += chunk
            if len(content) > patches.LARGEST:
                raise patches.BadPatch("the patches are too large")
        return content


def _may_pass(error: Exception) -> bool:
    """Say whether the same may succeed a moment later."""
    return isinstance(error, KciError) and error.retryable


def _failed(result: Result, error: Exception) -> RunOutcome:
    return RunOutcome(result, ErrorCode.GIT_CHECKOUT_FAILURE, str(error))
