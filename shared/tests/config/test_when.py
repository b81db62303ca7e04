# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which revisions `when` is for."""

from typing import Any

import pytest

from kci_shared.config import When
from kci_shared.models import Revision, Version


def revision(name: str, version: str | None = None) -> Revision:
    tree, _, branch = name.partition(":")
    numbers = [int(part) for part in version.split(".")] if version else []
    return Revision(
        tree=tree,
        url="https://git.example.org/x.git",
        branch=branch,
        commit="c0ffee",
        version=Version(version=numbers[0], patchlevel=numbers[1]) if numbers else None,
    )


# The example that KernelCI's own configuration tools explain these rules with.
DOCUMENTED = {"tree": ["linus:master", "stable"], "branch": ["!stable:master"]}


@pytest.mark.parametrize(
    ("rules", "name", "fits"),
    [
        ({}, "any:thing", True),
        ({"tree": ["next"]}, "next:master", True),
        ({"tree": "next"}, "mainline:master", False),
        ({"tree": ["!android"]}, "mainline:master", True),
        ({"tree": ["!android"]}, "android:master", False),
        ({"tree": ["!android", "android:test"]}, "android:test", True),
        ({"tree": ["!android", "android:test"]}, "android:other", False),
        ({"tree": ["stable:6.6"]}, "stable:6.6", True),
        ({"tree": ["stable:6.6"]}, "stable:6.1", False),
        ({"branch": ["for-*"]}, "any:for-next", True),
        ({"branch": ["for-*"]}, "any:master", False),
        ({"tree": ["a:x"], "branch": ["b:y"]}, "a:x", True),
        (DOCUMENTED, "linus:master", True),
        (DOCUMENTED, "linus:other", False),
        (DOCUMENTED, "stable:6.6", True),
        (DOCUMENTED, "stable:master", False),
    ],
)
def test_trees_and_branches_are_allowed_and_denied(
    rules: dict[str, Any], name: str, fits: bool
) -> None:
    refusal = When(**rules).refusal(revision(name), "arm64")
    assert (refusal is None) == fits, refusal


@pytest.mark.parametrize(
    ("rule", "version", "fits"),
    [
        (">=6.7", "6.7", True),
        (">=6.7", "6.10", True),
        (">=6.7", "7.0", True),
        (">=6.7", "6.6", False),
        (">=6.1 <6.7", "6.6", True),
        (">=6.1 <6.7", "6.7", False),
        ("==6.6", "6.6", True),
        (">6.6", "6.6", False),
        ("<=6.6", "6.6", True),
        (">=6.7", None, False),
        ("", None, True),
    ],
)
def test_kernel_versions_are_compared_as_numbers(
    rule: str, version: str | None, fits: bool
) -> None:
    refusal = When(kernel=rule).refusal(revision("a:b", version), "arm64")
    assert (refusal is None) == fits, refusal


def test_a_refusal_names_the_rule() -> None:
    when = When(arch=["arm64"], tree=["!cip"])
    assert when.refusal(revision("cip:x"), "arm64") == "tree: cip is denied by '!cip'"
    assert when.refusal(revision("a:x"), "arm") == "arch: arm is not one of arm64"
