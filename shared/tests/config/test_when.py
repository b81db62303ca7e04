# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which revisions `when` is for."""

from dataclasses import replace
from typing import Any

import pytest

from kci_shared.config import Candidate, When
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
    candidate = Candidate(revision(name))
    assert When(**rules).holds(candidate) == fits


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
    candidate = Candidate(revision("a:b", version))
    assert When(kernel=rule).holds(candidate) == fits
    assert When(kernel=rule).holds(replace(candidate, any_kernel=True))


BUILT: dict[str, Any] = {
    "arch": "arm64",
    "compiler": "gcc-12",
    "config": "defconfig",
    "fragments": ("kselftest", "CONFIG_KASAN=y"),
}


@pytest.mark.parametrize(
    ("rules", "built", "fits"),
    [
        ({"arch": "arm64"}, BUILT, True),
        ({"arch": ["!arm64"]}, BUILT, False),
        ({"compiler": "gcc-*"}, BUILT, True),
        ({"config": ["tinyconfig"]}, BUILT, False),
        ({"fragments": ["kselftest", "kunit"]}, BUILT, True),
        ({"fragments": ["kunit"]}, BUILT, False),
        ({"fragments": ["!kunit"]}, BUILT, True),
        ({"fragments": ["kselftest", "!CONFIG_KASAN=y"]}, BUILT, False),
        ({"fragments": ["!kselftest"]}, {}, True),
        ({"fragments": ["kselftest"]}, {}, False),
        ({"arch": ["arm64"]}, {}, False),
        ({"arch": ["!arm64"]}, {}, True),
    ],
)
def test_how_a_kernel_is_built_is_allowed_and_denied(
    rules: dict[str, Any], built: dict[str, Any], fits: bool
) -> None:
    assert When(**rules).holds(Candidate(revision("a:b"), **built)) == fits


def test_each_rule_has_its_ruling() -> None:
    when = When(arch=["arm64"], tree=["!cip"], kernel=">=6.7")
    on_cip = Candidate(revision("cip:x", "6.1"), **BUILT)
    assert [(one.rule, one.holds, one.why) for one in when.rulings(on_cip)] == [
        ("tree", False, "cip is denied by '!cip'"),
        ("arch", True, "arm64 is one of arm64"),
        ("kernel", False, "6.1 is not >=6.7"),
    ]
