# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check and apply patches from untrusted senders.

Patches are applied to an index, with an object store of its own: a patch can write no
file, and the mirror stays unchanged. The resulting tree is checked again, as git
understood it.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from kci_shared.errors import KciError
from kci_trigger.git import GitError
from kci_trigger.mirror import Mirror

LARGEST_BYTES = 10 << 20
MOST_PATCHES = 100
FILE_MODES = {"100644", "100755"}
ABSENT_MODE = "000000"
PATH = re.compile(r"^(?:---|\+\+\+|rename from|rename to|copy from|copy to) (.*)$")
HEADER = re.compile(r"^diff --git (.*)$")
MODE = re.compile(r"^(?:new file |deleted file |old |new )mode (\d+)$")
INDEX = re.compile(r"^index [0-9a-f]+\.\.[0-9a-f]+ (\d+)$")
BINARY = ("GIT binary patch", "Binary files ")


class BadPatch(KciError):
    """A patch is not allowed, or does not apply."""


def digest(patches: Sequence[bytes]) -> str:
    """Return the identity of a patched revision: the sha256 of its patches."""
    return hashlib.sha256(b"\n".join(patches)).hexdigest()


def check(patches: Sequence[bytes]) -> None:
    """Raise `BadPatch` for patches that are wrong whatever the sources are."""
    if not 0 < len(patches) <= MOST_PATCHES:
        raise BadPatch(f"send 1 to {MOST_PATCHES} patches, not {len(patches)}")
    if sum(map(len, patches)) > LARGEST_BYTES:
        raise BadPatch(
            f"the patches are larger than {LARGEST_BYTES >> 20} MiB together"
        )
    for number, patch in enumerate(patches):
        if reason := _refusal(patch):
            raise BadPatch(f"patch {number}: {reason}")


def _refusal(patch: bytes) -> str | None:
    try:
        text = patch.decode()
    except UnicodeDecodeError:
        return "not UTF-8 text"
    if "\0" in text:
        return "has a NUL character"
    changes = 0
    for line in text.split("\n"):
        bare = line.rstrip("\r")
        if reason := _line_refusal(bare):
            return reason
        changes += bare.startswith("@@ ") or bool(MODE.match(bare))
    return None if changes else "changes nothing: send a unified diff"


def _line_refusal(line: str) -> str | None:
    if line.startswith(BINARY):
        return "changes a binary file"
    mode = MODE.match(line) or INDEX.match(line)
    if mode and mode[1] not in FILE_MODES:
        return f"has the file mode {mode[1]}; only plain files may change"
    if path := PATH.match(line):
        return _path_refusal(path[1].partition("\t")[0])
    if header := HEADER.match(line):
        return next(filter(None, map(_path_refusal, header[1].split(" "))), None)
    return None


def _path_refusal(path: str) -> str | None:
    if path.startswith('"'):
        return f"has a path in quotes: {path[:80]}"
    parts = path.split("/")
    if path != "/dev/null" and (not parts[0] or ".." in parts):
        return f"leaves the tree: {path[:80]}"
    if any(part.lower() in (".git", ".gitmodules") for part in parts):
        return f"touches git's own files: {path[:80]}"
    return None


async def apply(
    mirror: Mirror, base: str, patches: Sequence[bytes], scratch: Path
) -> str:
    """Return a commit of the patched sources; its objects are in `scratch`."""
    (scratch / "objects").mkdir(parents=True)
    inside = environment(mirror, scratch)
    try:
        await mirror.ask("read-tree", base, environment=inside)
        for number, patch in enumerate(patches):
            await _apply_one(mirror, number, patch, inside)
        tree = (await mirror.ask("write-tree", environment=inside)).decode().strip()
    finally:
        (scratch / "index").unlink(missing_ok=True)
    await _check_result(mirror, base, tree, inside)
    return await _commit(mirror, base, tree, inside)


def environment(mirror: Mirror, scratch: Path) -> dict[str, str]:
    """Return variables that make git read the mirror and write to `scratch`."""
    return {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(mirror.folder / "objects"),
    }


async def _apply_one(
    mirror: Mirror, number: int, patch: bytes, inside: dict[str, str]
) -> None:
    try:
        for how in (("--check",), ()):
            await mirror.ask(
                "apply", "--cached", *how, "-", stdin=patch, environment=inside
            )
    except GitError as error:
        raise BadPatch(f"patch {number} does not apply: {error}") from error


async def _check_result(
    mirror: Mirror, base: str, tree: str, inside: dict[str, str]
) -> None:
    """Raise `BadPatch` unless only plain files inside the tree have changed."""
    listing = await mirror.ask(
        "diff-tree", "-r", "-z", "--raw", base, tree, environment=inside
    )
    words = listing.decode(errors="surrogateescape").split("\0")
    for about, path in zip(words[::2], words[1::2], strict=False):
        before, after = about.lstrip(":").split(" ")[:2]
        if {before, after} - FILE_MODES - {ABSENT_MODE}:
            raise BadPatch(f"{path[:80]!r} would not be a plain file")
        if reason := _path_refusal(path):
            raise BadPatch(reason)


async def _commit(mirror: Mirror, base: str, tree: str, inside: dict[str, str]) -> str:
    """Create a commit dated as its base, so that its tarball is reproducible."""
    date = (await mirror.ask("log", "-1", "--format=%cI", base)).decode().strip()
    dated = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    made = await mirror.ask(
        *("commit-tree", "-p", base, "-m", "patched", tree),
        environment={**inside, **dated},
    )
    return made.decode().strip()
