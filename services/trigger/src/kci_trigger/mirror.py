# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tree's bare repository: fetch, query, pack; recreated when it is damaged."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from kci_shared.logging import get_logger
from kci_shared.models import Revision
from kci_trigger import rules
from kci_trigger.git import Git, GitError

log = get_logger(__name__)

T = TypeVar("T")

LOCAL_TIMEOUT_S = 900.0
"""Time limit of git commands that need no remote."""
LOCK_RETRY_S = 0.2
SUFFIX = ".tar.gz"
COMPRESSION = "-3"
"""Takes a third of the time of git's default 6, for tarballs 6 % larger."""


class CommitGone(GitError):
    """The remote does not have the commit, or no longer in that branch."""

    retryable = False


class Mirror:
    """The repository of one tree; hold its lock while calling its methods."""

    def __init__(self, git: Git, folder: Path, fetch_timeout_s: float) -> None:
        self._git = git
        self.folder = folder
        self._fetch_timeout_s = fetch_timeout_s

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold the lock, which excludes other processes on this machine, too."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{self.folder}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while not _try_lock(descriptor):
                await asyncio.sleep(LOCK_RETRY_S)
            yield
        finally:
            os.close(descriptor)

    async def do(self, url: str, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work`; if the mirror is damaged, recreate it and try again."""
        try:
            await self._prepare()
            return await work()
        except CommitGone:
            raise
        except GitError as error:
            if await self._is_sound() or not await self._answers(url):
                raise
            log.warning("mirror damaged", mirror=self.folder.name, reason=str(error))
            await asyncio.to_thread(shutil.rmtree, self.folder)
            await self._prepare()
            return await work()

    async def _prepare(self) -> None:
        """Create the repository if needed; remove lock files that a kill left."""
        for left in self.folder.rglob("*.lock"):
            left.unlink(missing_ok=True)
        if not (self.folder / "HEAD").exists():
            arguments = ("init", "--quiet", "--bare", "--template=", str(self.folder))
            await self._git.run(*arguments, seconds=LOCAL_TIMEOUT_S)

    async def _is_sound(self) -> bool:
        try:
            await self.ask("fsck", "--connectivity-only", "--no-dangling")
        except GitError:
            return False
        return True

    async def _answers(self, url: str) -> bool:
        try:
            await self._git.run("ls-remote", "--", url, "HEAD", seconds=30)
        except GitError:
            return False
        return True

    async def fetch(self, revision: Revision) -> None:
        """Fetch the branch; raise `CommitGone` if the remote lacks the commit."""
        head = f"refs/heads/{revision.branch}"
        await self._fetch(revision.url, f"+{head}:{head}")
        if await self._has(revision.commit):
            return
        try:  # force-pushed away: some servers still serve the commit itself
            kept = f"refs/kci/{revision.commit}"
            await self._fetch(revision.url, f"+{revision.commit}:{kept}")
        except GitError as error:
            message = f"{revision.commit} is not in {revision.branch} of {revision.url}"
            raise CommitGone(message) from error

    async def _fetch(self, url: str, refs: str) -> None:
        await self._git.run(
            *(f"--git-dir={self.folder}", "fetch", "--quiet", "--no-write-fetch-head"),
            *("--no-recurse-submodules", "--", url, refs),
            seconds=self._fetch_timeout_s,
        )

    async def _has(self, commit: str) -> bool:
        try:
            await self.ask("cat-file", "-e", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    async def describe(self, revision: Revision) -> Revision:
        """Return the revision with what its commit and its tags say."""
        commit = revision.commit
        tags = (await self._text("tag", "--points-at", commit)).split()
        tip = await self._text("rev-parse", f"refs/heads/{revision.branch}")
        describe = await self._text("describe", "--abbrev=12", "--always", commit)
        facts = {
            "describe": rules.first_line(describe),
            "version": rules.version(await self._makefile(commit)),
            "commit_tags": tags[: rules.MOST_TAGS],
            "commit_message": rules.first_line(
                await self._text("log", "-1", "--format=%s", commit)
            ),
            "tip_of_branch": tip.strip() == commit,
        }
        return revision.model_copy(update=facts)

    async def _makefile(self, commit: str) -> str:
        try:
            return await self._text("cat-file", "blob", f"{commit}:Makefile")
        except GitError:
            return ""  # not a kernel tree

    async def pack(self, commit: str, target: Path, objects: Mapping[str, str]) -> None:
        """Write a commit's sources as a reproducible tarball.

        `objects` are variables for git if some objects are not in the mirror.
        """
        top = target.name.removesuffix(SUFFIX)
        await self.ask(
            *("archive", "--format=tar.gz", COMPRESSION, f"--prefix={top}/"),
            *(f"--output={target}", commit),
            environment=objects,
        )

    async def _text(self, *arguments: str) -> str:
        return (await self.ask(*arguments)).decode(errors="replace")

    async def ask(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run a git command that needs no remote in the mirror."""
        return await self._git.run(
            *(f"--git-dir={self.folder}", *arguments),
            seconds=LOCAL_TIMEOUT_S,
            stdin=stdin,
            environment=environment,
        )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
