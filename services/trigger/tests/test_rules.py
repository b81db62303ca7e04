# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta

import pytest

from kci_shared.config import Branch, Config, Tree
from kci_shared.models import NODE, Node, Revision
from kci_shared.rules.keys import checkout_key
from kci_trigger import rules

NOW = datetime(2026, 11, 1, tzinfo=UTC)
COMMIT = "a" * 40
URL = "https://git.example.org/linux.git"


def a_checkout(state: str, result: str | None, attempt: int) -> Node:
    return NODE.validate_python(
        {"id": "1", "kind": "checkout", "name": "checkout", "owner": "me"}
        | {"created": NOW, "updated": NOW, "state": state, "result": result}
        | {"idempotency_key": checkout_key("t", "b", COMMIT, attempt)}
    )


def test_heads_are_read_and_nothing_else() -> None:
    listing = f"{COMMIT}\trefs/heads/for-next/a\n{COMMIT}\trefs/tags/v1\nwarning: x\n"
    assert rules.heads(listing) == {"for-next/a": COMMIT}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:secret@git.example.org:8080/a", "git.example.org:8080"),
        ("file:///srv/git", ""),
    ],
)
def test_a_host_is_what_is_connected_to(url: str, host: str) -> None:
    assert rules.host(url) == host


def test_a_version_is_read_from_the_first_lines_of_a_makefile() -> None:
    makefile = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\n"
    found = rules.version(makefile + "NAME = Baby Opossum\n" + "VERSION = 7\n" * 30)
    assert found is not None
    assert found.model_dump() == {
        "version": 6,
        "patchlevel": 12,
        "sublevel": 0,
        "extra": "-rc3",
        "name": "Baby Opossum",
    }


@pytest.mark.parametrize("makefile", ["", "all:\n\tcc", "VERSION = $(shell id)\n"])
def test_what_is_no_kernel_has_no_version(makefile: str) -> None:
    assert rules.version(makefile) is None


def test_a_subject_is_one_line_that_no_terminal_obeys() -> None:
    assert rules.first_line("  fix \x1b[2Jit\rX\nmore") == "fix it X"
    assert len(rules.first_line("x" * 5000)) == rules.LONGEST_LINE


@pytest.mark.parametrize(
    ("name", "good"),
    [
        *(("master", True), ("for-next/a.b", True), ("-x", False), ("a..b", False)),
        *(("a:b", False), ("a b", False), ("", False), ("a/", False)),
    ],
)
def test_a_branch_is_a_name_that_git_takes(name: str, good: bool) -> None:
    assert rules.is_branch(name) is good


@pytest.mark.parametrize(
    ("known", "attempt"),
    [
        ([], 0),
        ([("running", None)], None),
        ([("available", "pass")], None),
        ([("done", "fail")], None),
        ([("done", "incomplete")], 1),
        ([("done", "incomplete"), ("running", None)], None),
        ([("done", "incomplete")] * 3, None),
    ],
)
def test_a_commit_is_tried_again_only_when_it_could_not_be_had(
    known: list[tuple[str, str | None]], attempt: int | None
) -> None:
    nodes = [
        a_checkout(state, result, number)
        for number, (state, result) in enumerate(known)
    ]
    key = checkout_key("t", "b", COMMIT, 0)
    assert rules.next_attempt(nodes, key) == attempt


def test_a_checkout_that_somebody_asked_for_does_not_count() -> None:
    asked = a_checkout("available", "pass", 0)
    asked = asked.model_copy(update={"idempotency_key": "asked/7"})
    assert rules.next_attempt([asked], checkout_key("t", "b", COMMIT, 0)) == 0


@pytest.mark.parametrize(
    ("tree", "branch", "age", "due"),
    [
        ({}, {}, 1, True),
        ({"every": "1d"}, {}, 86399, False),
        ({"every": "1d"}, {}, 86400, True),
        ({"every": "1d"}, {"every": "1h"}, 3600, True),
        ({"every": "1d"}, {}, None, True),
    ],
)
def test_a_branch_rests_as_long_as_its_tree_or_itself_says(
    tree: dict[str, str], branch: dict[str, str], age: int | None, due: bool
) -> None:
    last = None if age is None else NOW - timedelta(seconds=age)
    known = Tree.model_validate({"url": URL, **tree})
    assert rules.is_due(known, Branch.model_validate(branch), last, NOW) is due


def test_only_a_configured_url_names_a_tree() -> None:
    config = Config.model_validate({"trees": {"t": {"url": URL}}})
    assert rules.tree_of(config, f"{URL}/") == "t"
    assert rules.tree_of(config, URL.replace("linux", "other")) is None


def test_a_checkout_is_a_node_that_waits_for_this_service() -> None:
    revision = Revision(tree="t", url=URL, branch="b", commit=COMMIT)
    node = rules.checkout(revision, NOW, data={"base": "7"}, submitter="user:me")
    assert node.timeout == NOW + rules.LIFETIME
    assert (node.name, node.state, node.submitter) == ("checkout", "running", "user:me")
    assert node.data == {
        "kernel_revision": {"tree": "t", "url": URL, "branch": "b", "commit": COMMIT},
        "runtime": "trigger",
        "platform": "git",
        "base": "7",
    }
