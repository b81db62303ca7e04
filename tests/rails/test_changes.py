# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a contributor meets on the way to a commit: hooks, and the changelog."""

import pytest

from rails.conftest import PERSON, House

pytestmark = pytest.mark.timeout(600)

PRODUCT = "shared/src/kci_shared/text.py"


@pytest.fixture
def branch(house: House) -> House:
    """A branch, of a trunk that is known as `origin/main`."""
    house.must("git", "update-ref", "refs/remotes/origin/main", "HEAD")
    return house


def test_a_branch_that_changes_the_product_needs_a_fragment(branch: House) -> None:
    branch.append(PRODUCT, "# changed\n")
    refused = branch.run("make", "changelog-check")
    assert refused.status != 0
    assert PRODUCT in refused.output
    branch.write("changes.d/+text.fix.md", "Text is printed as it is.\n")
    branch.must("make", "changelog-check")


def test_a_branch_that_changes_pages_and_tests_needs_none(branch: House) -> None:
    branch.append("docs/operate.md", "\nOne more word.\n")
    branch.append("shared/tests/test_models.py", "\n# one more\n")
    branch.must("make", "changelog-check")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("+text.bug.md", "A sentence.\n"),
        ("text.md", "A sentence.\n"),
        ("+x.fix.md", ""),
    ],
)
def test_a_malformed_fragment_is_refused(branch: House, name: str, text: str) -> None:
    branch.write(f"changes.d/{name}", text)
    refused = branch.run("make", "changelog-check")
    assert refused.status != 0
    assert name in refused.output


def test_a_release_collects_the_fragments(house: House) -> None:
    house.write("changes.d/+text.fix.md", "Text is printed as it is.\n")
    house.must("make", "changelog", "VERSION=9.9")
    changelog = (house.folder / "CHANGELOG.md").read_text()
    assert "## 9.9" in changelog
    assert "- Text is printed as it is." in changelog
    assert not (house.folder / "changes.d" / "+text.fix.md").exists()


def test_the_hooks_let_a_good_commit_pass_and_stop_a_bad_one(house: House) -> None:
    house.must("git", "update-ref", "-d", "refs/remotes/origin/main")
    house.must(house.tool("pre-commit"), "install")
    house.append(PRODUCT, "\n\nGOOD = 1\n")
    house.must("git", *PERSON, "commit", "--quiet", "--all", "--message=good")
    try:
        house.append(PRODUCT, "BAD = undefined\n")
        refused = house.run("git", *PERSON, "commit", "--all", "--message=bad")
        assert refused.status != 0
        assert "F821" in refused.output
    finally:
        house.must("git", "reset", "--quiet", "--hard", "HEAD~1")
        house.must(house.tool("pre-commit"), "uninstall")
