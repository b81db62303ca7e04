# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkout: fetch the commit of a node, pack its sources as a tarball."""

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

FETCH_ATTEMPTS = 3
"""How often a remote that fails is tried within one checkout."""


class Refused(Exception):
    """The node's request is invalid, or not allowed."""


class Sources:
    """Fetches, describes and packs the sources of checkouts."""

    def __init__(
        self,
        config: Callable[[], Config],
        git: Git,
        storage: Storage,
        settings: Settings,
    ) -> None:
        self._config = config
        self._git = git
        self._storage = storage
        self._settings = settings

    async def run(self, job: LabJob) -> RunOutcome:
        """Make one checkout; a failure is an outcome with its reason."""
        try:
            revision = self._requested(job.node)
            async for attempt in stamina.retry_context(
                on=_is_temporary, attempts=FETCH_ATTEMPTS, wait_initial=1, wait_max=30
            ):
                with attempt:
                    return await self._make(job, revision)
        except (Refused, CommitGone, patches.BadPatch) as error:
            return _failed(Result.FAIL, error)
        except (GitError, StorageError) as error:
            return _failed(Result.INCOMPLETE, error)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _requested(self, node: Node) -> Revision:
        """Return the revision that a node requests, which may come from anybody."""
        revision = node.data.kernel_revision
        if revision is None:
            raise Refused(
                "data.kernel_revision: missing; add tree, url, branch, commit"
            )
        tree = self._config().trees.get(revision.tree)
        if tree is None or tree.url.rstrip("/") != revision.url.rstrip("/"):
            raise Refused(
                f"data.kernel_revision: unknown tree or url: {revision.tree}; "
                "add it to the configuration"
            )
        if not rules.COMMIT.fullmatch(revision.commit):
            raise Refused(
                "data.kernel_revision.commit: not a full sha1; give 40 hex digits"
            )
        if not rules.is_branch(revision.branch):
            raise Refused("data.kernel_revision.branch: not a valid branch name")
        return revision

    async def _make(self, job: LabJob, revision: Revision) -> RunOutcome:
        folder = self._settings.mirrors / f"{revision.tree}.git"
        mirror = Mirror(self._git, folder, self._settings.queue)
        async with mirror.locked():
            described, tarball = await mirror.do(
                revision.url, lambda: self._pack(mirror, job, revision)
            )
        log.info("checkout made", tree=described.tree, describe=described.describe)
        return RunOutcome(
            Result.PASS,
            state=State.AVAILABLE,
            files={TARBALL: tarball},
            needed=frozenset({TARBALL}),
            data={
                "kernel_revision": described.model_dump(mode="json", exclude_unset=True)
            },
        )

    async def _pack(
        self, mirror: Mirror, job: LabJob, revision: Revision
    ) -> tuple[Revision, Path]:
        await mirror.fetch(revision)
        described = await mirror.describe(revision)
        name = f"linux-{revision.commit[:12]}"
        objects: dict[str, str] = {}
        commit = revision.commit
        if revision.patchset is not None:
            contents = await self._patches(job.node, revision)
            name += f"-{revision.patchset[:12]}"
            scratch = job.folder / f"patched-{len(list(job.folder.iterdir()))}"
            commit = await patches.apply(mirror, commit, contents, scratch)
            objects = patches.environment(mirror, scratch)
        tarball = job.folder / f"{name}{SUFFIX}"
        await mirror.pack(commit, tarball, objects)
        return described, tarball

    async def _patches(self, node: Node, revision: Revision) -> list[bytes]:
        """Read the patches of a node; `Refused` if they are not the revision's."""
        contents: list[bytes] = []
        for number in range(patches.MOST_PATCHES):
            url = node.artifacts.get(f"patch{number}")
            if url is None:
                break
            contents.append(await self._read(url))
        patches.check(contents)
        if patches.digest(contents) != revision.patchset:
            raise Refused(
                "data.kernel_revision.patchset: not the hash of the artifacts"
            )
        return contents

    async def _read(self, url: str) -> bytes:
        if not url.startswith(f"{self._settings.storage_url.rstrip('/')}/"):
            raise Refused("artifacts: patches must be in our own storage")
        content = b""
        async for chunk in self._storage.stream(url):
            content += chunk
            if len(content) > patches.LARGEST_BYTES:
                raise patches.BadPatch("the patches are too large; send fewer")
        return content


def _is_temporary(error: Exception) -> bool:
    """Say whether another attempt may succeed."""
    return isinstance(error, KciError) and error.retryable


def _failed(result: Result, error: Exception) -> RunOutcome:
    return RunOutcome(result, ErrorCode.GIT_CHECKOUT_FAILURE, str(error))
