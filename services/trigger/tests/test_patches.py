# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kci_trigger import patches
from kci_trigger.patches import BadPatch

GOOD = b"--- a/init/main.c\n+++ b/init/main.c\n@@ -1 +1 @@\n-a\n+b\n"


def test_a_plain_patch_is_taken() -> None:
    patches.check([GOOD])
    patches.check([b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"])


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (b"", "changes nothing"),
        (b"hello", "changes nothing"),
        (GOOD + b"\0", "NUL"),
        (GOOD + b"\xff", "not UTF-8"),
        (GOOD.replace(b"b/init", b"/etc"), "leaves the tree"),
        (GOOD.replace(b"b/init", b"b/../../etc"), "leaves the tree"),
        (GOOD.replace(b"b/init/main.c", b'"b/init/ma\\151n.c"'), "in quotes"),
        (GOOD.replace(b"init/main.c", b".GIT/config"), "git's own files"),
        (GOOD.replace(b"init/main.c", b"x/.gitmodules"), "git's own files"),
        (GOOD + b"rename to ../x\n", "leaves the tree"),
        (GOOD + b"copy from /etc/passwd\n", "leaves the tree"),
        (GOOD + b"diff --git a/x b/../x\n", "leaves the tree"),
        (GOOD + b"new file mode 120000\n", "file mode 120000"),
        (GOOD + b"new mode 160000\n", "file mode 160000"),
        (GOOD + b"index 1234567..89abcde 160000\n", "file mode 160000"),
        (GOOD + b"GIT binary patch\n", "binary"),
        (GOOD + b"Binary files a/x and b/x differ\n", "binary"),
    ],
)
def test_what_a_patch_may_not_do_is_seen_in_its_text(patch: bytes, reason: str) -> None:
    with pytest.raises(BadPatch, match=f"patch 1: .*{reason}"):
        patches.check([GOOD, patch])


def test_many_and_large_patches_are_refused() -> None:
    with pytest.raises(BadPatch, match="1 to 100 patches, not 0"):
        patches.check([])
    with pytest.raises(BadPatch, match="not 101"):
        patches.check([GOOD] * 101)
    with pytest.raises(BadPatch, match="larger than 10 MiB"):
        patches.check([GOOD, b" " * patches.LARGEST_BYTES])


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_no_text_makes_the_check_fall_over(texts: list[bytes]) -> None:
    try:
        patches.check(texts)
    except BadPatch:
        return


def test_a_patchset_is_known_by_its_patches_in_their_order() -> None:
    one, two = patches.digest([b"a", b"b"]), patches.digest([b"b", b"a"])
    assert one != two
    assert len(one) == 64
